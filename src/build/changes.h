// Instructions that change an image's configuration alone: --change of `crank import`. Pure.
#pragma once

#include <span>
#include <string>

#include "base/error.h"
#include "oci/image.h"

namespace crank::build {

// Each change is one instruction of a Dockerfile ("CMD [\"sh\"]"), applied in order; variables are
// those of the configuration and of earlier changes. Errors: invalid_argument, naming the change
// (unknown, malformed, or one that would make a layer).
Result<oci::ContainerConfig> apply_changes(oci::ContainerConfig config,
                                           std::span<const std::string> changes);

}  // namespace crank::build
