#include "runtime/oci/listener.h"

#include <algorithm>

#include "sys/file.h"
#include "sys/socket.h"
#include "sys/unix_socket.h"

namespace crank::runtime::oci_verbs {

namespace {

bool asks(const oci::Seccomp& seccomp) {
    return seccomp.default_action == "SCMP_ACT_NOTIFY" ||
           std::ranges::any_of(seccomp.syscalls, [](const oci::SeccompSyscall& call) {
               return call.action == "SCMP_ACT_NOTIFY";
           });
}

Result<> let_go_on(int channel) {
    return sys::write_all(channel, "l", "the socket of the container's process");
}

}  // namespace

Result<> pass_listener(int channel, const sys::UniqueFd& listener, const oci::Seccomp& seccomp,
                       const oci::ContainerState& state, pid_t pid) {
    auto supervisor = sys::connect_unix(seccomp.listener_path);
    // Where nothing is ever asked nobody is missed.
    if (!supervisor && !asks(seccomp)) return let_go_on(channel);
    if (!supervisor)
        return fail(
            std::move(supervisor)
                .error()
                .with_context("linux.seccomp.listenerPath: failed to connect with seccomp agent")
                .with_hint("the program that answers SCMP_ACT_NOTIFY must listen at " +
                           seccomp.listener_path + " before the container starts"));
    TRY_IN(sys::send_descriptor(supervisor->get(),
                                oci::serialize_with_listener(state, pid, seccomp.listener_metadata),
                                listener.get()),
           "linux.seccomp.listenerPath");
    return let_go_on(channel);
}

}  // namespace crank::runtime::oci_verbs
