// The last that a container said before it goes.
#pragma once

#include <string>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/state.h"

namespace crank::deploy {

// An error of a container that is about to be removed, with the last lines of its log behind it: no
// later command can ask for them. Where it wrote nothing, that is said.
Error with_last_lines(Error error, const engine::Paths& paths, const std::string& id);

// Of its log, each on a line of its own, with a newline before; empty: it wrote nothing.
std::string last_lines(const engine::Paths& paths, const engine::Container& container);
std::string last_line(const engine::Paths& paths, const engine::Container& container);

}  // namespace crank::deploy
