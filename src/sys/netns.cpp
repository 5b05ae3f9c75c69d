#include "sys/netns.h"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "sys/file.h"

namespace crank::sys {

namespace {

constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";

void return_or_abort(int namespace_fd) {
    if (::setns(namespace_fd, CLONE_NEWNET) == 0) return;
    std::perror("crank: cannot return to the own network namespace");
    std::abort();
}

std::unexpected<Error> explain_rights(Error error) {
    if (error.code() != Code::permission_denied) return fail(std::move(error));
    return fail(std::move(error).with_hint("run as root, or use --network host"));
}

}  // namespace

Result<UniqueFd> current_network_namespace() { return open(kOwnNamespace, O_RDONLY); }

Result<UniqueFd> create_network_namespace() {
    UniqueFd own = TRY(current_network_namespace());
    if (::unshare(CLONE_NEWNET) != 0)
        return explain_rights(Error::from_errno(errno, "create a network namespace"));
    auto made = current_network_namespace();
    return_or_abort(own.get());
    return made;
}

Result<> run_in_network_namespace(int namespace_fd, const std::function<Result<>()>& work) {
    UniqueFd own = TRY(current_network_namespace());
    if (::setns(namespace_fd, CLONE_NEWNET) != 0)
        return explain_rights(Error::from_errno(errno, "enter the network namespace"));
    auto result = work();
    return_or_abort(own.get());
    return result;
}

Result<> enter_new_network_namespace() {
    if (::unshare(CLONE_NEWNET) != 0)
        return explain_rights(Error::from_errno(errno, "create a network namespace"));
    return {};
}

}  // namespace crank::sys
