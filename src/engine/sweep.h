// Removing what belongs to a container, also after a crash: every step may find its object gone.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "engine/ids/lease.h"
#include "engine/paths.h"
#include "engine/state.h"

namespace crank::engine {

// The directories and, where it still points there, the name. Best effort, for undoing.
void remove_directories(const Paths& paths, const std::string& id, const std::string& name);

ids::Place place_of(const Paths& paths);

// Everything: kills what is left in its cgroups and removes them, gives its address back, removes
// the directories. The container must not have a monitor that lives.
Result<> discard(const Paths& paths, const std::string& id);

// Addresses that it has on networks of one's own, and its names there.
Result<> release_networks(const Paths& paths, const std::string& id);

// Names that lead to no container: a removal was killed, or failed, half way. Best effort.
void sweep_names(const Paths& paths);

// What a rename that was killed left: names that lead to a container which has another. Best
// effort.
void sweep_former_names(const Paths& paths, const std::vector<Container>& containers);
// Where it still leads to this container.
Result<> free_name(const Paths& paths, const std::string& id, const std::string& name);

// Frees the name of a container whose start was killed half way. True: `name` is free now.
Result<bool> sweep_if_left_over(const Paths& paths, const std::string& id, const std::string& name);

}  // namespace crank::engine
