// The network of a start: ports bound and an address reserved, nothing made in the kernel yet.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/local/start.h"
#include "engine/record.h"
#include "network/network.h"
#include "oci/image.h"
#include "runtime/plan.h"
#include "sys/netns.h"
#include "sys/unique_fd.h"

namespace crank::engine::local {

bool has_namespace(NetworkMode mode);
// Nothing (no state) where the container uses the host's, or has a user namespace, which must own
// it.
sys::NetworkNamespaceToCome begin_namespace(const RunOptions& options);

struct NetworkPlan {
    sys::UniqueFd home;  // bridge.home
    network::BridgeConfig bridge;
    std::optional<network::Attachment> attachment;  // with a bridge
    std::vector<sys::UniqueFd> listeners;
    std::vector<runtime::ForwardedPort> targets;  // of the same index
    sys::NetworkNamespaceToCome made_namespace;
    bool has_resolver = false;  // kEgressResolver answers
};

// What can be said of it before anything is made.
Result<> check_network(const StartRequest& request);

// Fills in record.ports and record.network. The lease is the caller's to give back.
Result<NetworkPlan> plan_network(const StartRequest& request, Record& record);

// With --publish-all every port that the image or --expose names gets a free one of the machine's.
// Errors: invalid_argument for what is no port.
Result<> publish_exposed(const oci::ImageConfig& image, RunOptions& options);

// The same as text, a line each.
std::string explain_network(const StartRequest& request);

network::BridgeConfig bridge_of(const Paths& paths, const Config& config);

}  // namespace crank::engine::local
