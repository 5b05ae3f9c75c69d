// A seccomp profile as Docker and podman read it (--security-opt seccomp=FILE): linux.seccomp of a
// config.json, with rules for some architectures, capabilities and kernels alone. Hostile input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"

namespace crank::oci {

// What a profile's conditions ask for.
struct SeccompWorld {
    std::string architecture;               // GOARCH: "amd64"
    std::vector<std::string> capabilities;  // the bounding set: "CAP_SYS_ADMIN"
    int kernel_major = 0, kernel_minor = 0;
};

// Pure. Errors: invalid_argument with the JSON path; what an action or an operator means is found
// out when the filter is compiled.
Result<Seccomp> parse_seccomp_profile(std::string_view json, const SeccompWorld& world);

}  // namespace crank::oci
