// linux.netDevices: devices of the host's that a container is given (config-linux.md, "Network
// Devices").
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "oci/runtime_spec.h"

namespace crank::runtime::oci_verbs {

// Before anything is made. invalid_argument, naming the field: a name that no device can have, the
// same name twice, a container in the host's network namespace.
Result<> check_net_devices(const oci::Linux& part);

// Into the network namespace of the process. Those that were moved stay with that namespace.
Result<> move_net_devices(const oci::Linux& part, pid_t pid);

}  // namespace crank::runtime::oci_verbs
