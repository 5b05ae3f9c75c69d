// Descriptors over Unix sockets (unix(7), SCM_RIGHTS).
#pragma once

#include <stddef.h>
#include <sys/types.h>

namespace crank::shim {

// sendmsg(2) of the bytes and, where it is not negative, of the descriptor; without a SIGPIPE.
ssize_t send_with(int socket, const void* data, size_t size, int descriptor);

// recvmsg(2). `descriptor`, close-on-exec: -1 where none came.
ssize_t receive_with(int socket, void* data, size_t size, int flags, int& descriptor);

}  // namespace crank::shim
