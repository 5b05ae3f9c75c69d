#include "shim/passing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

namespace crank::shim {
namespace {

constexpr int kMostTries = 100;
constexpr timespec kPause{0, 1000 * 1000};

}  // namespace

ssize_t send_with(int socket, const void* data, size_t size, int descriptor) {
    iovec bytes{const_cast<void*>(data), size};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    if (descriptor >= 0) {
        message.msg_control = space;
        message.msg_controllen = sizeof space;
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    // Whoever waits for this would wait in vain: what passes is tried again.
    ssize_t n;
    int tries = 0;
    do {
        if (tries++ > 0) nanosleep(&kPause, nullptr);
        n = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (n < 0 && tries < kMostTries &&
             (errno == EINTR || errno == ENOMEM || errno == ENOBUFS));
    return n;
}

ssize_t receive_with(int socket, void* data, size_t size, int flags, int& descriptor) {
    iovec bytes{data, size};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    descriptor = -1;
    ssize_t n = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    if (n < 0) return n;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    return n;
}

}  // namespace crank::shim
