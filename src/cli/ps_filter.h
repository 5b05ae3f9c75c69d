// Which containers `ps --filter` shows.
#pragma once

#include <vector>

#include "base/error.h"
#include "cli/filter.h"
#include "engine/paths.h"
#include "engine/state.h"

namespace crank::cli {

// Errors: usage; not_found (a container or image that a filter names).
Result<Filters> parse_ps_filters(const std::vector<std::string>& texts);
// Takes out what the filters do not want. The containers are all there are, the newest first.
Result<> filter_containers(const engine::Paths& paths, const Filters& filters,
                           std::vector<engine::Container>& containers);

}  // namespace crank::cli
