// The way out of the network of an ordinary user's containers: pasta (passt.top), which gives their
// namespace the host's addresses and carries its connections through ordinary sockets.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "engine/paths.h"

namespace crank::engine {

// Where pasta answers questions about names, as the host's own resolver would.
inline constexpr std::string_view kEgressResolver = "169.254.1.1";

// What stands in its way on this host; empty: nothing.
std::string egress_obstacle();

// Sees to it that the namespace has a way out. It has none where pasta is missing or does not work:
// said in the warning, and published ports work all the same. Empty: there is one.
Result<std::string> ensure_egress(const Paths& paths, int network_namespace);

// What a container reaches, and is reached by, in a namespace with a pasta of its own.
struct OwnWay {
    std::string address, gateway;  // IPv4; empty: it has none
    int prefix = 0;
    std::string address6;  // empty: none
};
// Of a namespace of one container's (--network pasta), with the options of parse_pasta(). It lasts
// until `link`, which is made, is removed. failed_precondition: what stands in its way.
Result<OwnWay> lead_out(int network_namespace, const std::vector<std::string>& options,
                        const std::string& link);

}  // namespace crank::engine
