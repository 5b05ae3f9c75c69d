// AMD's and Intel's GPUs: the kernel's own interfaces, whose libraries are the image's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/gpu/host.h"
#include "oci/cdi.h"

namespace crank::engine::gpu {

inline constexpr std::string_view kAmdKind = "amd.com/gpu", kIntelKind = "intel.com/gpu";

struct DrmGpu {
    std::string render;  // "renderD128"
    std::string card;    // "card0"; empty: it shows no pictures
};

// The render nodes whose PCI vendor it is ("0x1002"), in their order.
std::vector<DrmGpu> find_drm(const Host& host, std::string_view vendor);
inline constexpr std::string_view kAmdVendor = "0x1002", kIntelVendor = "0x8086";

// Devices "0", "1", ..., and "all". Errors: unsupported (no such GPU), failed_precondition (a node
// is missing), with what to do.
Result<oci::cdi::Spec> amd_spec(const Host& host);
Result<oci::cdi::Spec> intel_spec(const Host& host);

}  // namespace crank::engine::gpu
