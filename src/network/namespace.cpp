#include "network/network.h"
#include "sys/netns.h"
#include "sys/rtnetlink.h"

namespace crank::network {

Result<sys::UniqueFd> create_namespace() { return sys::create_network_namespace(); }

Result<> bring_up_loopback(int namespace_fd) {
    auto socket = TRY(sys::RouteSocket::open_in(namespace_fd));
    sys::RouteChanges changes;
    changes.set_up(sys::kLoopbackIndex, "lo");
    return socket.apply(changes);
}

}  // namespace crank::network
