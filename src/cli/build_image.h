// What every build has, whoever asked for it: `crank build`, or a compose file.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "build/build.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "engine/config.h"
#include "engine/paths.h"
#include "engine/rootless.h"

namespace crank::cli {

std::map<std::string, std::string> environment_map();
// SOURCE_DATE_EPOCH. Errors: invalid_argument.
Result<std::optional<std::int64_t>> source_date_epoch();

// --quiet, --progress, or BUILDKIT_PROGRESS. Errors: usage.
Result<ProgressMode> read_progress(const Arguments& arguments);

// The machine, the configuration and the network of its steps; `paths`, `kept` and `request` are
// used as long as it is built.
Result<> complete_build(const engine::Paths& paths, const engine::Config& config,
                        std::optional<engine::Kept>& kept, build::BuildRequest& request);
// Writes what a URL leads to into a descriptor, until `cancel_fd` becomes readable.
std::function<Result<>(const std::string& url, int fd)> url_fetcher(int cancel_fd);
// What it shows, what ends it, and where it gets what is not here. As for the above.
void attend_build(ProgressMode mode, int cancel_fd, store::Store& store,
                  build::BuildRequest& request);

}  // namespace crank::cli
