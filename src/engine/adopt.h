// Containers that nobody watches: the next command that meets one gives it a new monitor.
#pragma once

#include "base/error.h"
#include "engine/state.h"

namespace crank::engine {

// Whether monitor and guard were both killed. Costs what one look at the monitor's process costs;
// of a container that has ended, one look for a file.
bool is_unwatched(const Paths& paths, const Container& container);

// Gives it a new monitor: its output is read again, its published ports are open again where they
// are free, its end will be known. One that has ended meanwhile is recorded and cleaned up as its
// monitor would have. What could not be had back stands in State::notes of a later look.
Result<> adopt(const Paths& paths, const Container& container);

// load(), of a container that is watched from then on. Where that fails the container is as it was
// and State::notes says why.
Result<Container> load_watched(const Paths& paths, const std::string& id);

}  // namespace crank::engine
