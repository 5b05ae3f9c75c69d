// The last that a container said before it goes.
#pragma once

#include <string>

#include "base/error.h"
#include "engine/paths.h"

namespace crank::deploy {

// An error of a container that is about to be removed, with the last lines of its log behind it: no
// later command can ask for them. Where it wrote nothing, that is said.
Error with_last_lines(Error error, const engine::Paths& paths, const std::string& id);

}  // namespace crank::deploy
