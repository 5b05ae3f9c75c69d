// Namespaces of other containers (--pid container:NAME, --network container:NAME).
#pragma once

#include "base/error.h"
#include "engine/options.h"
#include "engine/paths.h"
#include "oci/runtime_spec.h"
#include "sys/unique_fd.h"

namespace crank::engine::local {

struct Shared {
    sys::UniqueFd pid, network;  // invalid: not shared
};

// Names become ids in options.settings; of a shared network the host name comes along. Errors:
// not_found, failed_precondition (it does not run), invalid_argument (it has no such namespace).
Result<Shared> open_shared(const Paths& paths, RunOptions& options);

// Where they are, in the configuration that is to be started: paths that count in this process.
void name_shared(const Shared& shared, oci::RuntimeSpec& spec);

}  // namespace crank::engine::local
