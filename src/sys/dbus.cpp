#include "sys/dbus.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "sys/poll.h"
#include "sys/unix_socket.h"

namespace crank::sys::dbus {
namespace {

constexpr std::size_t kMostSignals = 256;
constexpr std::size_t kMostLine = 1024;  // of the authentication

Result<> wait_for(int fd, bool write, Clock::time_point deadline) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    std::array entries{PollEntry{.fd = fd, .want_read = !write, .want_write = write}};
    if (TRY(poll(entries, std::max(left, std::chrono::milliseconds(0))))) return {};
    return fail(Code::deadline_exceeded, "no answer over D-Bus in time");
}

std::string hex_of(const std::string& text) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (char c : text) {
        out += kDigits[static_cast<std::uint8_t>(c) >> 4];
        out += kDigits[static_cast<std::uint8_t>(c) & 15];
    }
    return out;
}

// What an error says is its first argument, where that is a text. It is printed: no control codes.
std::string words_of(const Message& message) {
    if (!message.signature.starts_with('s')) return message.error_name;
    auto text = Reader(message.body).text();
    if (!text) return message.error_name;
    std::ranges::replace_if(
        *text, [](char c) { return static_cast<std::uint8_t>(c) < ' ' || c == 127; }, ' ');
    return *text + " (" + message.error_name + ")";
}

Code code_of(const std::string& name) {
    if (name == "org.freedesktop.systemd1.UnitExists") return Code::already_exists;
    if (name == "org.freedesktop.systemd1.NoSuchUnit") return Code::not_found;
    if (name == "org.freedesktop.DBus.Error.AccessDenied" ||
        name == "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired")
        return Code::permission_denied;
    return Code::io;
}

}  // namespace

Result<Connection> Connection::open(const std::string& socket_path, Clock::time_point deadline) {
    return over(TRY(connect_unix(socket_path)), deadline);
}

Result<Connection> Connection::over(UniqueFd socket, Clock::time_point deadline) {
    TRY(set_nonblocking(socket.get()));
    Connection connection(std::move(socket));
    TRY_IN(connection.authenticate(deadline), "authenticating over D-Bus");
    return connection;
}

// "Authentication Protocol": a NUL byte first, which once carried the credentials.
Result<> Connection::authenticate(Clock::time_point deadline) {
    std::string line = "AUTH EXTERNAL " + hex_of(std::to_string(::geteuid())) + "\r\n";
    TRY(send(std::string(1, '\0') + line, deadline));
    std::string answer = TRY(receive_line(deadline));
    if (!answer.starts_with("OK "))
        return fail(Code::permission_denied, "the server does not take this user");
    return send("BEGIN\r\n", deadline);
}

Result<> Connection::send(std::string_view bytes, Clock::time_point deadline) {
    while (!bytes.empty()) {
        ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        else if (errno == EAGAIN)
            TRY(wait_for(socket_.get(), true, deadline));
        else if (errno != EINTR)
            return fail_errno("send over D-Bus");
    }
    return {};
}

Result<> Connection::receive_more(Clock::time_point deadline) {
    std::array<char, 8192> buffer;
    while (true) {
        auto count = TRY(read_some(socket_.get(), buffer));
        if (!count) {
            TRY(wait_for(socket_.get(), false, deadline));
            continue;
        }
        if (*count == 0) return fail(Code::io, "the D-Bus server closed the connection");
        received_.append(buffer.data(), *count);
        return {};
    }
}

Result<std::string> Connection::receive_line(Clock::time_point deadline) {
    std::size_t end;
    while ((end = received_.find("\r\n")) == std::string::npos) {
        if (received_.size() > kMostLine) return fail(Code::corrupt, "a line without an end");
        TRY(receive_more(deadline));
    }
    std::string line = received_.substr(0, end);
    received_.erase(0, end + 2);
    return line;
}

Result<Message> Connection::receive(Clock::time_point deadline) {
    while (true) {
        auto size = TRY(size_of(received_));
        if (size && received_.size() >= *size) {
            auto message = decode(std::string_view(received_).substr(0, *size));
            received_.erase(0, *size);
            return message;
        }
        TRY(receive_more(deadline));
    }
}

Result<Message> Connection::call(const Call& call, Clock::time_point deadline) {
    std::uint32_t serial = ++serial_;
    TRY(send(encode(call, serial), deadline));
    while (true) {
        Message message = TRY(receive(deadline));
        if (message.type == Type::signal) {
            // Whoever floods it with signals makes it forget some, not grow.
            if (signals_.size() == kMostSignals) signals_.pop_front();
            signals_.push_back(std::move(message));
            continue;
        }
        if (message.reply_serial != serial) continue;
        if (message.type == Type::reply) return message;
        if (message.type == Type::error)
            return fail(code_of(message.error_name), call.member + ": " + words_of(message));
    }
}

Result<Message> Connection::wait_signal(const std::function<bool(const Message&)>& wanted,
                                        Clock::time_point deadline) {
    while (true) {
        while (!signals_.empty()) {
            Message message = std::move(signals_.front());
            signals_.pop_front();
            if (wanted(message)) return message;
        }
        Message message = TRY(receive(deadline));
        if (message.type == Type::signal) signals_.push_back(std::move(message));
    }
}

}  // namespace crank::sys::dbus
