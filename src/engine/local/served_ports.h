// The TCP ports on which a container says that it takes connections.
#pragma once

#include <cstdint>
#include <set>

#include "engine/options.h"
#include "oci/image.h"

namespace crank::engine::local {

// Those that are published or exposed, by options or by the image. What is no port in the image's
// configuration is none.
std::set<std::uint16_t> served_ports(const oci::ImageConfig& image, const RunOptions& options);

}  // namespace crank::engine::local
