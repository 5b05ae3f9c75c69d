#include "sys/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <thread>

#include "sys/file.h"
#include "sys/own_thread.h"
#include "sys/own_user_namespace.h"
#include "sys/rtnetlink.h"

namespace crank::sys {

namespace {

constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";

// What is in the way for a moment (memory, a signal) is no reason to die.
void return_or_abort(int namespace_fd) {
    constexpr int kMostTries = 100;
    for (int i = 0; i < kMostTries; ++i) {
        if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        if (::setns(namespace_fd, CLONE_NEWNET) == 0) return;
    }
    static constexpr char kMessage[] = "crank: cannot return to the own network namespace\n";
    (void)!::write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
    std::abort();
}

// A new thread may begin on the processor of its maker, which then waits until it has ended. Only a
// thread of our own is moved away: it is for a moment.
void stay_away_from(int processor) {
    cpu_set_t others;
    if (processor < 0 || ::sched_getaffinity(0, sizeof others, &others) != 0) return;
    CPU_CLR(static_cast<std::size_t>(processor), &others);
    if (CPU_COUNT(&others) > 0) (void)::sched_setaffinity(0, sizeof others, &others);
}

std::unexpected<Error> explain_rights(Error error) {
    if (error.code() != Code::permission_denied) return fail(std::move(error));
    return fail(std::move(error).with_hint("run as root, or use --network host"));
}

}  // namespace

Result<UniqueFd> current_network_namespace() { return open(kOwnNamespace, O_RDONLY); }

Result<UniqueFd> create_network_namespace() {
    auto make = []() -> Result<UniqueFd> {
        if (::unshare(CLONE_NEWNET) != 0)
            return explain_rights(Error::from_errno(errno, "create a network namespace"));
        return current_network_namespace();
    };
    if (!TRY(own_user_namespace()).initial) return on_own_thread(make);
    UniqueFd own = TRY(current_network_namespace());
    auto made = make();
    if (made) return_or_abort(own.get());
    return made;
}

Result<> bring_up_loopback(int namespace_fd) {
    auto socket = TRY(RouteSocket::open_in(namespace_fd));
    RouteChanges changes;
    changes.set_up(kLoopbackIndex, "lo");
    return socket.apply(changes);
}

NetworkNamespaceToCome begin_network_namespace(Loopback loopback) {
    auto make = [loopback]() -> Result<UniqueFd> {
        UniqueFd made = TRY(create_network_namespace());
        if (loopback == Loopback::up) TRY(bring_up_loopback(made.get()));
        return made;
    };
    // Where this user may have no more threads, it is made when it is asked for; a filter may say
    // so by another error than the one of which std::async knows it.
    try {
        return std::async(std::launch::async, [make, makers = ::sched_getcpu()] {
            stay_away_from(makers);
            return make();
        });
    } catch (const std::system_error&) {
        return std::async(std::launch::deferred, make);
    }
}

Result<> run_in_network_namespace(int namespace_fd, const std::function<Result<>()>& work) {
    auto enter = [&]() -> Result<> {
        if (::setns(namespace_fd, CLONE_NEWNET) == 0) return {};
        return explain_rights(Error::from_errno(errno, "enter the network namespace"));
    };
    // Root of a user namespace may not go back to the host's network: a thread goes and ends there.
    auto enter_and_work = [&]() -> Result<> {
        TRY(enter());
        return work();
    };
    if (!TRY(own_user_namespace()).initial) return on_own_thread(enter_and_work);
    UniqueFd own = TRY(current_network_namespace());
    TRY(enter());
    auto result = work();
    return_or_abort(own.get());
    return result;
}

Result<UniqueFd> lock_network_namespace(std::chrono::milliseconds deadline) {
    // flock(2) works on the namespace's own file, which is one for all who open it.
    UniqueFd own = TRY(current_network_namespace());
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (::flock(own.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno("lock the network namespace");
        if (std::chrono::steady_clock::now() > end) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return own;
}

Result<> enter_new_network_namespace() {
    if (::unshare(CLONE_NEWNET) != 0)
        return explain_rights(Error::from_errno(errno, "create a network namespace"));
    return {};
}

}  // namespace crank::sys
