// --privileged: every device of the machine's in the container.
#pragma once

#include "base/error.h"
#include "oci/runtime_spec.h"

namespace crank::engine::local {

// Nodes below /dev, but for terminals, and those that every container has.
Result<> add_host_devices(oci::RuntimeSpec& spec);

}  // namespace crank::engine::local
