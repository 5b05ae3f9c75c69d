// The first content of a volume. Internal to volumes.
#pragma once

#include <string>

#include "base/error.h"
#include "engine/volume.h"

namespace crank::engine::volumes {

// Of one that exists: nothing happens where it holds something. What was begun by a command that
// was killed is completed first. `volume` is its directory.
Result<> fill_if_empty(const std::string& volume, const Fill& fill);

}  // namespace crank::engine::volumes
