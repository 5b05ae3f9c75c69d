// Namespaces of other containers (--pid, --ipc and --network container:NAME).
#pragma once

#include "base/error.h"
#include "engine/options.h"
#include "engine/paths.h"
#include "oci/runtime_spec.h"
#include "sys/unique_fd.h"

namespace crank::engine::local {

struct Shared {
    sys::UniqueFd pid, ipc, network;  // invalid: not shared
    sys::UniqueFd shm;                // with ipc: its /dev/shm, attached nowhere
};
// Stands for that /dev/shm in a configuration, below the container's directory of files.
inline constexpr std::string_view kSharedShm = "/shm";

// Names become ids in options.settings; of a shared network the host name comes along. Whether they
// run does not count until the start. Errors: not_found, invalid_argument (it has no such
// namespace).
Result<> find_donors(const Paths& paths, RunOptions& options);
// The same for a start. Errors: failed_precondition (it does not run) too.
Result<Shared> open_shared(const Paths& paths, RunOptions& options);

// Where they are, in the configuration that is to be started: paths that count in this process.
void name_shared(const Shared& shared, oci::RuntimeSpec& spec);

}  // namespace crank::engine::local
