#include "connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace echo {
namespace {

constexpr std::size_t kReadSize = std::size_t{16} << 10;
constexpr std::size_t kMaxDropped = 2 * kMaxBody;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kHealthy = "{\"status\":\"ok\"}\n";

const char* reason(int status) {
    switch (status) {
        case 200: return "OK";
        case 405: return "Method Not Allowed";
        case 413: return "Content Too Large";
        case 417: return "Expectation Failed";
        case 431: return "Request Header Fields Too Large";
        case 501: return "Not Implemented";
        case 505: return "HTTP Version Not Supported";
        default: return "Bad Request";
    }
}

}  // namespace

Connection::~Connection() { ::close(fd_); }

Connection::Wants Connection::on_event() {
    // What is pending goes first: a client that reads slowly is not read from meanwhile.
    if (out_.empty() && receive() == Io::broken) return Wants::nothing;
    return proceed();
}

Connection::Wants Connection::drain() {
    draining_ = true;
    return on_event();  // reads first: a request may have come before the signal
}

Connection::Wants Connection::proceed() {
    while (true) {
        switch (send_pending()) {
            case Io::again: return Wants::write;
            case Io::broken: return Wants::nothing;
            case Io::done: break;
        }
        if (closing_) return refused_ ? linger() : Wants::nothing;
        if (answer_one()) continue;
        if (!out_.empty()) continue;  // "100 Continue"
        if (ended_ || (draining_ && in_.empty())) return Wants::nothing;
        in_.shrink();
        out_.shrink();
        return Wants::read;
    }
}

// Closing a socket that holds unread bytes resets the connection, and the client may lose the
// answer (RFC 9112 section 9.6): end our half, and read on until the client ends its own.
Connection::Wants Connection::linger() {
    ::shutdown(fd_, SHUT_WR);
    dropped_ += in_.size();
    in_.consume(in_.size());
    return ended_ || draining_ || dropped_ > kMaxDropped ? Wants::nothing : Wants::read;
}

Connection::Io Connection::receive() {
    while (!ended_) {
        if (in_.size() > kMaxHead + kMaxBody) return Io::done;
        if (!in_.reserve(kReadSize)) return Io::broken;
        const ssize_t count = ::recv(fd_, in_.tail(), kReadSize, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno == EAGAIN ? Io::again : Io::broken;
        if (count == 0) ended_ = true;
        in_.filled(static_cast<std::size_t>(count));
        // A short read emptied the socket; asking once more would cost a system call per request.
        if (static_cast<std::size_t>(count) < kReadSize) return Io::done;
    }
    return Io::done;
}

Connection::Io Connection::send_pending() {
    while (!out_.empty()) {
        const auto pending = out_.view();
        const ssize_t count = ::send(fd_, pending.data(), pending.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno == EAGAIN ? Io::again : Io::broken;
        out_.consume(static_cast<std::size_t>(count));
    }
    return Io::done;
}

bool Connection::answer_one() {
    if (in_.empty()) return false;
    const ParseResult parsed = parse_request(in_.view());
    if (parsed.state == ParseState::refused) {
        refuse(parsed.status);
        return true;
    }
    if (parsed.state == ParseState::incomplete) return false;
    const Request& request = parsed.request;
    const std::size_t whole = request.head_size + request.body_size;
    if (in_.size() < whole) {
        if (request.expects_continue && !continued_) closing_ |= !out_.append(kContinue);
        continued_ = true;
        return false;
    }
    answer(request, in_.view().substr(request.head_size, request.body_size));
    in_.consume(whole);
    continued_ = false;
    return true;
}

void Connection::answer(const Request& request, std::string_view body) {
    std::string_view type = request.content_type;
    if (type.empty()) type = "application/octet-stream";
    if (request.target == "/health" && request.body_size == 0) {
        body = kHealthy;
        type = "application/json";
    }
    closing_ = !request.keep_alive || draining_;
    char head[160];
    const int size = std::snprintf(head, sizeof head,
                                   "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: %s\r\n"
                                   "Content-Type: ",
                                   body.size(), closing_ ? "close" : "keep-alive");
    const bool wanted = request.method != "HEAD";
    const bool fits = out_.append({head, static_cast<std::size_t>(size)}) && out_.append(type) &&
                      out_.append("\r\n\r\n") && (!wanted || out_.append(body));
    if (!fits) closing_ = true;
}

void Connection::refuse(int status) {
    char head[160];
    const int size = std::snprintf(
        head, sizeof head, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        status, reason(status));
    (void)out_.append({head, static_cast<std::size_t>(size)});
    closing_ = true;
    refused_ = true;
}

}  // namespace echo
