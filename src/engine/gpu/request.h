// What people type: --gpus and --device. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::engine::gpu {

// Docker's --gpus: comma-separated fields as in a CSV record ("all", "2", "count=2",
// '"device=0,1"', "driver=nvidia", '"capabilities=compute,utility"').
struct GpuRequest {
    std::optional<std::size_t> count;       // nothing and no ids: all of them
    std::vector<std::string> ids;           // "0", "GPU-...", names of CDI devices
    std::string vendor;                     // "nvidia", "amd", "intel"; empty: whoever is there
    std::vector<std::string> capabilities;  // NVIDIA's; empty: compute and utility
    bool all() const { return !count && ids.empty(); }
};
// Errors: invalid_argument with the text and what is wrong with it.
Result<GpuRequest> parse_gpus(std::string_view text);

// --device HOST[:CONTAINER][:rwm], a path.
struct PathDevice {
    std::string host, container;  // absolute
    std::string permissions = "rwm";
};
Result<PathDevice> parse_device(std::string_view text);

}  // namespace crank::engine::gpu
