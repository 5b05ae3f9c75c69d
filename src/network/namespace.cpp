#include "network/network.h"
#include "sys/netns.h"

namespace crank::network {

Result<sys::UniqueFd> create_namespace() { return sys::create_network_namespace(); }

Result<> bring_up_loopback(int namespace_fd) { return sys::bring_up_loopback(namespace_fd); }

}  // namespace crank::network
