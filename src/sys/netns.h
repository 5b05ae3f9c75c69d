// Network namespaces. A namespace is held by a descriptor and goes when the last process and the
// last descriptor in it do; the kernel tears it down later, by itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

Result<UniqueFd> current_network_namespace();

// A new network namespace, empty but for lo (down); the calling thread returns to its own. Needs
// CAP_SYS_ADMIN.
Result<UniqueFd> create_network_namespace();

// Brings lo up inside (127.0.0.1, ::1).
Result<> bring_up_loopback(int namespace_fd);

// The same as create_network_namespace(), by a thread of its own: it takes half a millisecond,
// which the caller has better use for. Without a state (valid() is false): nobody began one.
using NetworkNamespaceToCome = std::future<Result<UniqueFd>>;
enum class Loopback : std::uint8_t { down, up };
NetworkNamespaceToCome begin_network_namespace(Loopback loopback);

// Runs `work` with the calling thread inside the namespace; other threads stay where they are. A
// netlink socket opened there keeps to that namespace. `work` must not throw. When the thread
// cannot return, the process aborts: it would go on with another's network.
Result<> run_in_network_namespace(int namespace_fd, const std::function<Result<>()>& work);

// A lock for all processes of this network namespace, held by the descriptor. Anybody may take it,
// so nobody waits for ever: after the deadline the descriptor comes without the lock.
Result<UniqueFd> lock_network_namespace(std::chrono::milliseconds deadline);

// Leaves the namespace for a new one for good (tests).
Result<> enter_new_network_namespace();

}  // namespace crank::sys
