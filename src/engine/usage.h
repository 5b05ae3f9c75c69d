// What a container uses at a moment: `crank stats`.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "engine/state.h"
#include "runtime/plan.h"

namespace crank::engine {

struct Usage {
    std::int64_t at_ns = 0;         // CLOCK_MONOTONIC
    std::int64_t cpu_ns = 0;        // since its start
    std::int64_t memory = 0;        // bytes, without the file cache that costs nothing to give up
    std::int64_t memory_limit = 0;  // bytes: its own, or what the machine has
    std::int64_t pids = 0;
    // Bytes since its start; nothing: not known here.
    std::optional<std::int64_t> received, sent;
    std::optional<std::int64_t> read, written;
};
// Errors: failed_precondition (it does not run); unsupported (no cgroups).
Result<Usage> usage_of(const Container& container, const runtime::HostFacts& host);

// The sums of a network namespace's devices but lo, by the text of /proc/PID/net/dev. Pure.
struct NetBytes {
    std::int64_t received = 0, sent = 0;
};
NetBytes parse_net_dev(std::string_view text);
// Of all devices, by the text of v2's io.stat or v1's blkio.throttle.io_service_bytes. Pure.
struct BlockBytes {
    std::int64_t read = 0, written = 0;
};
BlockBytes parse_io_stat(std::string_view text);
BlockBytes parse_blkio(std::string_view text);

}  // namespace crank::engine
