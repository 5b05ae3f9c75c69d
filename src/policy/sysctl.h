// Which settings of the kernel a container may have for itself (policy/sysctls.json).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace crank::policy {

// The namespaces that a container has to itself, as far as settings belong to them.
struct OwnNamespaces {
    bool ipc = false;
    bool network = false;
    bool uts = false;
};

// `name` with dots, "net.core.somaxconn": parts of letters, digits, '_' and '-', so that it cannot
// name a file outside /proc/sys. Errors: invalid_argument for another form; permission_denied for a
// setting of the host, or of a namespace that the container shares.
Result<> check_sysctl(std::string_view name, const OwnNamespaces& own);

}  // namespace crank::policy
