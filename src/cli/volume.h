// What verbs of volumes have in common with others.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/volume.h"

namespace crank::cli {

// As `inspect` has it.
nlohmann::ordered_json describe_volume(const engine::Paths& paths,
                                       const engine::volumes::Volume& volume);

// Removes volumes that no container has: those without a name of their own, or, where it is given,
// those that `wanted` says. Prints them; how many bytes that was.
Result<std::int64_t> prune_volumes(
    const engine::Paths& paths, const std::function<bool(const engine::volumes::Volume&)>& wanted);

}  // namespace crank::cli
