// The lock on a container's plan, as it is handed to the shim.
#pragma once

namespace crank::shim {

// The plan's file once more: the file that is mapped is open for as long as an init lives. Of a
// process that is handed over (`crank oci create`) the file `groups` beside its record.
inline constexpr int kPlanLockFd = 10;

}  // namespace crank::shim
