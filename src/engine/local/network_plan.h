// The network of a start: ports bound and an address reserved, nothing made in the kernel yet.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/local/start.h"
#include "engine/networks/endpoint.h"
#include "engine/record.h"
#include "network/network.h"
#include "oci/image.h"
#include "runtime/plan.h"
#include "sys/netns.h"
#include "sys/unique_fd.h"

namespace crank::engine::local {

// Nothing (no state) where the container uses the host's, or has a user namespace, which must own
// it.
sys::NetworkNamespaceToCome begin_namespace(const RunOptions& options);

struct NetworkPlan {
    sys::UniqueFd home;            // bridge.home
    network::BridgeConfig bridge;  // the default one
    // With a bridge: the networks, in the order in which they were asked for. Published ports lead
    // to the first.
    std::vector<networks::Endpoint> endpoints;
    std::vector<sys::UniqueFd> listeners;
    std::vector<runtime::ForwardedPort> targets;  // of the same index
    sys::NetworkNamespaceToCome made_namespace;
    sys::UniqueFd own;     // with --network pasta: the container's, with a way out of it
    std::string resolver;  // which answers for the host's; empty: none
    std::vector<std::string> more_addresses;  // of IPv6, beside a bridge's
    // On a network of one's own: the monitor answers for names, and asks these for others.
    bool answers_names = false;
    std::vector<std::string> name_servers;
    bool is_bridged() const { return !endpoints.empty(); }
};

// What can be said of it before anything is made.
Result<> check_network(const StartRequest& request);
// As network::listen_on(); where a container has the port the error names it.
Result<std::vector<network::Listener>> listen_on_host(const Paths& paths, const Config& config,
                                                      const network::PortSpec& port);

// Fills in record.ports, record.network and record.networks. The addresses are the caller's to give
// back: leave_networks().
Result<NetworkPlan> plan_network(const StartRequest& request, Record& record);
Result<> leave_networks(const std::vector<networks::Endpoint>& endpoints);
// What the record says of networks before any start. Errors: not_found.
Result<std::vector<EndpointRecord>> wanted_networks(const Paths& paths, const RunOptions& options);
// What the monitor is told; `port` of its resolver, 0: it has none.
networks::Told told_of(const NetworkPlan& plan, std::uint16_t port);

// With --publish-all every port that the image or --expose names gets a free one of the machine's.
// Errors: invalid_argument for what is no port.
Result<> publish_exposed(const oci::ImageConfig& image, RunOptions& options);

// The same as text, a line each.
std::string explain_network(const StartRequest& request);

}  // namespace crank::engine::local
