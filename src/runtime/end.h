// How a container ended, as its monitor recorded it (shim/end.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::runtime {

// A process that the kernel killed for want of memory, by the kernel's log.
struct Victim {
    int pid = 0;             // the host's number
    bool own_limit = false;  // of the container's own limit; otherwise of the machine's memory
    std::string name;        // of its program, as the kernel escapes it
    bool operator==(const Victim&) const = default;
};

// The system call that a filter ended the worker for.
struct DeniedCall {
    long number = -1;
    std::uint32_t architecture = 0;  // AUDIT_ARCH_*
    bool operator==(const DeniedCall&) const = default;
};

struct EndFacts {
    int status = 0;             // wait(2)'s
    bool worker_known = false;  // false: the container's first process was ended itself
    int first_pid = 0;          // of that, the host's number
    int worker_pid = 0;         // of the worker; 0: not known
    int caller_signal = 0;      // the last that `crank run` passed on in the foreground; 0: none
    int passed_signal = 0;      // the last that the init passed on to the worker; 0: none
    bool passed_from_inside = false;
    // Of the cgroup; nothing: this host has no such counter. Times in nanoseconds, memory in bytes.
    std::optional<std::int64_t> oom_kills, limit_hits, memory_peak;
    std::optional<std::int64_t> periods, throttled_periods, throttled_ns, cpu_ns;
    std::optional<std::int64_t> pids_refused;
    std::vector<Victim> killed;  // the first four at most
    std::optional<DeniedCall> denied;
    bool operator==(const EndFacts&) const = default;
};

// Errors: corrupt. Lines with names that are not known are passed over.
Result<EndFacts> parse_end(std::string_view text);
// not_found: it did not end, or nobody saw it.
Result<EndFacts> read_end(const std::string& state_dir);

}  // namespace crank::runtime
