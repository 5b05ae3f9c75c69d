// A container on a network: its address, its names, and what its monitor is told of both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/config.h"
#include "engine/networks/store.h"
#include "engine/paths.h"
#include "engine/record.h"
#include "network/network.h"

namespace crank::engine::networks {

struct Endpoint {
    EndpointRecord record;
    network::BridgeConfig bridge;
    network::Attachment attachment;
    std::vector<std::string> names = {};  // links (network/names.h)
};

inline constexpr std::string_view kDefaultNetwork = "bridge";
// The bridge of the default network.
network::BridgeConfig default_bridge(const Paths& paths, const Config& config, Home home);

// Who comes, and what it is called wherever it comes to.
struct Guest {
    std::string id;
    std::vector<std::string> names;
};
Guest guest_of(const Record& record);

// An address on the network that `wanted` names, and its names there; nothing of the device. Where
// every address is taken, those of containers that crashed are taken back first. Errors: not_found
// (no such network), and those of network::lease().
Result<Endpoint> join(const Paths& paths, const Config& config, const Guest& guest,
                      const EndpointRecord& wanted, Home home);
// Gives both back.
Result<> leave(const Endpoint& endpoint);
// The same of one that is known by its record.
Result<> leave(const std::string& id, const EndpointRecord& record);

// The first that leads out gets the default routes; devices are eth0, eth1, ...
void arrange(std::vector<Endpoint>& endpoints);

// What its monitor goes by, a file of its state directory that is replaced whole (shim/names.h):
// which networks' names it answers, on which port, whether it asks others, and what is to be
// unlinked at the end. Without a network of one's own nothing is written.
struct Told {
    std::vector<EndpointRecord> networks;
    std::vector<std::string> links;  // names
    std::uint16_t port = 0;          // of the resolver; 0: there is none
    bool asks_others = false;
};
Result<> tell_monitor(const Paths& paths, const std::string& id, const Told& told);
// Nothing where nothing was told.
Result<std::optional<Told>> read_told(const Paths& paths, const std::string& id);
// What the monitor would have unlinked. Best effort.
void take_back(const Paths& paths, const std::string& id);

}  // namespace crank::engine::networks
