// How the libraries of a driver are found in a container, and whether they are new enough.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/gpu/host.h"
#include "engine/gpu/ld_cache.h"
#include "oci/cdi.h"

namespace crank::engine::gpu {

// What the linker's cache must say, of the mounts and links in the edits' library directories. By
// which other names the host knows a library is looked up beside it there.
std::vector<LdEntry> entries_of(const oci::cdi::Edits& edits, const Host& host);

// The image's /etc/ld.so.cache (empty: it has none) with the libraries in front. What cannot be
// read is left out: glibc's linker would pass over it as well.
std::string merged_cache(std::string_view of_image, const std::vector<LdEntry>& libraries);

// What CUDA a driver of this version has at least, "12.4"; empty: not known.
std::string_view cuda_of_driver(std::string_view version);

// A warning where the image says in NVIDIA_REQUIRE_CUDA that it needs a newer CUDA than the driver
// has; empty: none. Within one major version NVIDIA's programs run on any driver of it.
std::string warn_of_old_driver(const std::vector<std::string>& image_env,
                               std::string_view driver_version);

}  // namespace crank::engine::gpu
