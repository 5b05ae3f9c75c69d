// What the verbs of `crank network` have in common.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/verb.h"
#include "engine/networks/store.h"
#include "engine/rootless.h"

namespace crank::cli {

// A network as it is shown: one that was defined, or one of those that are always there.
struct ShownNetwork {
    engine::networks::Definition definition;
    std::string driver;  // "bridge", "host", "null"
    bool predefined = false;
};
// By name.
Result<std::vector<ShownNetwork>> all_networks(const engine::Paths& paths);
// By name or id. Errors: not_found.
Result<ShownNetwork> find_network(const engine::Paths& paths, const std::string& name_or_id);
nlohmann::ordered_json describe_network(const engine::Paths& paths, const ShownNetwork& network);

// Where bridges lie for this command, which has entered what it needs.
struct NetworkHome {
    std::optional<engine::Kept> kept;
    int fd() const { return kept ? kept->network.get() : -1; }
};
Result<NetworkHome> network_home(const engine::Paths& paths);

}  // namespace crank::cli
