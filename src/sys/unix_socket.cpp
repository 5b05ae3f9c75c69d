#include "sys/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "sys/file.h"

namespace crank::sys {
namespace {

struct Address {
    UniqueFd dir;  // open while the address is used
    sockaddr_un value{};
};

Result<Address> address_of(const std::string& path) {
    Address address;
    address.value.sun_family = AF_UNIX;
    std::string text = path;
    if (text.size() >= sizeof address.value.sun_path) {
        std::size_t slash = path.rfind('/');
        std::string dir = slash == std::string::npos ? "." : path.substr(0, slash);
        address.dir = TRY(open(dir, O_PATH | O_DIRECTORY));
        text = "/proc/self/fd/" + std::to_string(address.dir.get()) + "/" +
               path.substr(slash == std::string::npos ? 0 : slash + 1);
    }
    if (text.size() >= sizeof address.value.sun_path)
        return fail(Code::invalid_argument, "the name of the socket " + path + " is too long");
    std::memcpy(address.value.sun_path, text.c_str(), text.size() + 1);
    return address;
}

Result<UniqueFd> make_socket(UnixKind kind) {
    int type = kind == UnixKind::packets ? SOCK_SEQPACKET : SOCK_STREAM;
    UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    if (!fd) return fail_errno("create a socket");
    return fd;
}

}  // namespace

Result<UniqueFd> listen_unix(const std::string& path, UnixKind kind) {
    UniqueFd fd = TRY(make_socket(kind));
    Address address = TRY(address_of(path));
    // Before it has a name: nobody else may connect at any moment.
    if (::fchmod(fd.get(), 0600) != 0) return fail_errno("set the mode of a socket");
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.value), sizeof address.value) !=
        0) {
        if (errno == EADDRINUSE) return fail(Code::already_exists, path + " exists");
        return fail_errno("make the socket " + path);
    }
    if (::listen(fd.get(), 8) != 0) return fail_errno("listen on " + path);
    return fd;
}

Result<UniqueFd> connect_unix(const std::string& path, UnixKind kind) {
    UniqueFd fd = TRY(make_socket(kind));
    Address address = TRY(address_of(path));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.value),
                  sizeof address.value) == 0)
        return fd;
    if (errno == ECONNREFUSED)
        return fail(Code::failed_precondition, "nobody listens on the socket " + path);
    return fail_errno("connect to the socket " + path);
}

Result<std::optional<UniqueFd>> accept_unix(int listener) {
    UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd) return fd;
    if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return std::nullopt;
    return fail_errno("accept a connection");
}

Result<> finish_sending(int socket) {
    if (::shutdown(socket, SHUT_WR) != 0 && errno != ENOTCONN)
        return fail_errno("shut a socket down");
    return {};
}

}  // namespace crank::sys
