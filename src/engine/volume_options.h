// --opt of `volume create`: Docker's options of the local driver, as far as a directory of this
// machine goes.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace crank::engine::volumes {

// The directory that type=none|bind, o=bind and device=DIRECTORY name; empty: nothing is asked for.
// Pure. Errors: invalid_argument, unsupported for what would have to be mounted (tmpfs, nfs).
Result<std::string> device_in(const std::vector<std::string>& options);

}  // namespace crank::engine::volumes
