// Another name for a container.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/record.h"

namespace crank::engine {

// Errors: not_found; invalid_argument for a name that cannot be one; already_exists naming the
// holder. A kill in the middle leaves it with the old name, the new one, or both, of which the next
// command takes away the one that its record does not have. `edit` changes what else its record is
// to say from the same moment on.
Result<> rename(const Paths& paths, const std::string& container, const std::string& name,
                const std::function<void(Record&)>& edit = {});

}  // namespace crank::engine
