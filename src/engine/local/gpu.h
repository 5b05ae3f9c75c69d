// The devices of --gpus.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"

namespace crank::engine::local {

// `wanted` is "all", a count, or "device=0,2". Errors: unsupported, naming what was looked for,
// where this host has no driver; not_found for a GPU that is not there; invalid_argument.
Result<std::vector<oci::Device>> gpu_devices(std::string_view wanted);

}  // namespace crank::engine::local
