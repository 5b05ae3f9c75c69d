// The same digests in another environment of a project (decision 52).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "cli/project.h"

namespace crank::cli {

struct TakenDigests {
    std::string project;  // where they run
    std::int64_t release = 0;
    std::map<std::string, std::string> images;  // of services: ids
};
// "deploy of shop 3"
std::string with_source(const std::string& what, const std::optional<TakenDigests>& taken);

// As --env and --from say; nothing: neither was given, and the file decides. `project` gets the
// names of the images that are taken, so that its releases say what they are. Errors: usage (beside
// --build or --pull), not_found (no such environment, no release there, a service that it lacks),
// failed_precondition (it is down), unsupported (native services).
Result<std::optional<TakenDigests>> take_digests(const Invocation& invocation,
                                                 const deploy::Selection& selection,
                                                 LoadedProject& project);

// Each service gets its image.
void pin(const std::map<std::string, std::string>& images, deploy::Desired& desired);

// An environment has no images of its own to build or pull. Errors: usage.
Result<> refuse_environment(const Arguments& arguments, const std::string& verb);

}  // namespace crank::cli
