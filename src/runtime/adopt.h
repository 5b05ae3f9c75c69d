// A container whose monitor and guard were both killed gets a new monitor.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/plan.h"
#include "runtime/runtime.h"
#include "sys/unique_fd.h"

namespace crank::runtime {

// Whether a monitor, or a guard that is about to be one, has the container. True also where it
// cannot be told: a container without a plan (an older crank started it, or it was cleaned up).
bool is_watched(const std::string& state_dir);

// Until a shim that nobody waits for any more has ended; true where there was one. At most the
// deadline.
bool wait_unwatched(const std::string& state_dir, std::chrono::milliseconds deadline);

// What a command has to say to the monitor, for the moment after the container's end. A container
// without a plan has no monitor that could hear it: no error.
enum class Order : std::uint8_t {
    stay_ended,  // whatever its restart policy says
    live,        // of now: what it writes is logged at once, also without a newline
    keep,        // it will be started again at once: nothing of it is removed, also with --rm
};
Result<> give_order(const std::string& state_dir, Order order);
// What order_restart() said holds no more.
Result<> withdraw_restart(const std::string& state_dir);
// Another restart policy, from its next end on. No error where nobody watches.
Result<> give_policy(const std::string& state_dir, shim::Restart when, std::uint32_t most);
// Once it has ended it is started again after this pause, unless it was told to stay ended.
Result<> order_restart(const std::string& state_dir, std::chrono::milliseconds pause);

struct AdoptRequest {
    std::string state_dir;
    MonitorState state;
    // Of the published ports, in the order in which the container was started with them; invalid:
    // that one could not be opened again.
    std::vector<sys::UniqueFd> listeners;
    ResolverSockets resolver = {};
    sys::UniqueFd held, held_too;  // as LaunchRequest's
};

// Starts a monitor from the plan in the state directory: it takes the worker's output from the
// container's init, the ports, and the end. Returns when it watches; of a container that has ended
// meanwhile, when its end is recorded and everything removed that was to be. False: somebody else
// was faster. Errors: corrupt where another crank wrote the plan.
Result<bool> adopt(AdoptRequest request, const HostFacts& facts);

}  // namespace crank::runtime
