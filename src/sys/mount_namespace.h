// Mounts that only one thread sees. Internal to the room.
#pragma once

#include "base/error.h"

namespace crank::sys {

// The calling thread leaves the process's mount namespace and working directory: what it mounts
// reaches nobody, and goes with it but for descriptors and detached mounts.
Result<> leave_mount_namespace();

}  // namespace crank::sys
