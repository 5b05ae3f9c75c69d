// The networks that are defined: ROOT/networks/NAME.json, each written whole (decision 38). What a
// bridge has while it is there, and the leases of the containers on it, lies in STATE/networks/ID
// and goes with the machine; the bridge is made again by the next container.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/config.h"
#include "engine/networks/definition.h"
#include "engine/paths.h"
#include "network/network.h"

namespace crank::engine::networks {

// Where bridges lie: a descriptor of their network namespace, not owned; -1: the caller's.
using Home = int;

std::string file_of(const Paths& paths, const std::string& name);
std::string state_of(const Paths& paths, const Definition& definition);
network::BridgeConfig bridge_of(const Paths& paths, const Definition& definition, Home home);

// One command after the other. Errors: already_exists, in_use (a range that another network or this
// machine has), and those of define().
Result<Definition> create(const Paths& paths, const Asked& asked, Home home);

// By name at the cost of one file; by id, or the beginning of one, at that of them all. Not the
// predefined ones. Errors: not_found, invalid_argument (several).
Result<Definition> find(const Paths& paths, const std::string& name_or_id);
// By name.
Result<std::vector<Definition>> list(const Paths& paths);
// Ids of the containers that have an address on it, by id.
Result<std::vector<std::string>> holders(const std::string& state_dir);
// With its bridge. Errors: in_use naming the containers that are on it.
Result<> remove(const Paths& paths, const Definition& definition, Home home);
// Bridges whose networks are gone: a removal was killed half way. Best effort.
void sweep(const Paths& paths, Home home);

}  // namespace crank::engine::networks
