#include "runtime/oci/listener.h"

#include "sys/file.h"
#include "sys/socket.h"
#include "sys/unix_socket.h"

namespace crank::runtime::oci_verbs {

Result<> pass_listener(int channel, const sys::UniqueFd& listener, const oci::Seccomp& seccomp,
                       const oci::ContainerState& state, pid_t pid) {
    auto supervisor = sys::connect_unix(seccomp.listener_path);
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
    return sys::write_all(channel, "l", "the socket of the container's process");
}

}  // namespace crank::runtime::oci_verbs
