// A connection to a D-Bus server, as its own user: calls, one at a time, and the signals that come
// meanwhile. No threads, no objects of one's own.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <string>

#include "base/error.h"
#include "sys/dbus_message.h"
#include "sys/unique_fd.h"

namespace crank::sys::dbus {

using Clock = std::chrono::steady_clock;

class Connection {
public:
    // Authenticates as the caller's effective user (mechanism EXTERNAL). not_found: there is no
    // such socket.
    static Result<Connection> open(const std::string& socket_path, Clock::time_point deadline);
    // The same over a socket that is connected.
    static Result<Connection> over(UniqueFd socket, Clock::time_point deadline);

    // The reply. An error that the other side answered says its name and its words; already_exists,
    // not_found and permission_denied are told apart.
    Result<Message> call(const Call& call, Clock::time_point deadline);
    // The first signal that is wanted, of those that came and those to come; others are dropped.
    Result<Message> wait_signal(const std::function<bool(const Message&)>& wanted,
                                Clock::time_point deadline);

private:
    explicit Connection(UniqueFd socket) : socket_(std::move(socket)) {}
    Result<> authenticate(Clock::time_point deadline);
    Result<> send(std::string_view bytes, Clock::time_point deadline);
    Result<> receive_more(Clock::time_point deadline);
    Result<std::string> receive_line(Clock::time_point deadline);
    Result<Message> receive(Clock::time_point deadline);

    UniqueFd socket_;
    std::string received_;
    std::deque<Message> signals_;
    std::uint32_t serial_ = 0;
};

}  // namespace crank::sys::dbus
