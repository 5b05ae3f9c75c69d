// Other limits for a container that exists: `crank update`.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/restart_policy.h"
#include "engine/state.h"
#include "oci/runtime_spec.h"

namespace crank::engine {

struct NewLimits {
    std::optional<std::int64_t> memory;       // bytes
    std::optional<std::int64_t> memory_swap;  // bytes, memory + swap; -1: no limit
    std::optional<std::int64_t> nano_cpus;    // 0: no limit
    std::optional<std::int64_t> pids_limit;   // -1: no limit
    std::optional<std::uint64_t> cpu_shares;
    std::optional<std::int64_t> memory_reservation;  // bytes; 0: none
    std::optional<std::string> cpuset_cpus, cpuset_mems;
    std::optional<RestartPolicy> restart;
    // Anything that a cgroup has to do with.
    bool has_limits() const;
};

// Of one that runs at once, all of them or none; its record has them from then on. Errors:
// invalid_argument (a value this machine cannot have), unsupported (a native worker, no cgroups),
// failed_precondition, what the host refuses.
Result<> update(const Paths& paths, const Container& container, const NewLimits& limits);

}  // namespace crank::engine
