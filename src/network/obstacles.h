// Rules of others that containers will run into.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "network/host.h"

namespace crank::network {

// forward_obstacles() of network.h, with open sockets.
Result<std::vector<std::string>> find_obstacles(Host& host, const std::string& device);

}  // namespace crank::network
