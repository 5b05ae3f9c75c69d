// Images that a verb needs and that are not here.
#pragma once

#include <string>

#include "base/error.h"
#include "engine/config.h"
#include "engine/paths.h"
#include "store/store.h"

namespace crank::cli {

// Beside crank, or in libexec. Errors: not_found.
Result<std::string> find_crank_net();

enum class PullPolicy : std::uint8_t {
    missing,
    always,
    never,
    newer,  // as always; where the registry does not answer, what is here counts
};
// `flag` is for the error. Errors: usage.
Result<PullPolicy> parse_pull_policy(std::string_view text, std::string_view flag = "pull");
// What becomes of a fetch under PullPolicy::newer: with the image here a failure is a warning.
Result<> or_what_is_here(Result<> fetched, const std::string& typed, bool here);

// Pulls what a person typed, showing the progress. An alias is never pulled, nor is a name below
// localhost without a port, which no registry serves (docs/decisions/0007). Errors: not_found with
// what the registry said; cancelled: `cancel_fd` (-1: none) became readable.
Result<> fetch_image(const engine::Paths& paths, const engine::Config& config,
                     const std::string& typed, int cancel_fd, bool quiet = false);
Result<> fetch_into(store::Store& store, const std::string& typed, bool quiet, int cancel_fd);

}  // namespace crank::cli
