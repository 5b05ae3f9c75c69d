// One client: what it has sent, what it is still to be sent, and what becomes of it.
#pragma once

#include <cstdint>

#include "buffer.h"
#include "http.h"

namespace echo {

// GET /health answers {"status":"ok"}; everything else gets its own body back.
class Connection {
public:
    explicit Connection(int fd) : fd_(fd) {}  // owns it
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    enum class Wants : std::uint8_t { read, write, nothing };  // nothing: to be closed

    // Reads, answers and writes as much as goes without waiting.
    Wants on_event();
    // The server is going down: what is under way is answered, and then the connection ends.
    Wants drain();

    int fd() const { return fd_; }
    Wants waits_for = Wants::read;  // what the poller was last told
    Connection* previous = nullptr;
    Connection* next = nullptr;

private:
    enum class Io : std::uint8_t { done, again, broken };

    Wants proceed();
    Wants linger();
    Io receive();
    Io send_pending();
    bool answer_one();  // false: no whole request is there
    void answer(const Request& request, std::string_view body);
    void refuse(int status);

    int fd_;
    Buffer in_;
    Buffer out_;
    bool ended_ = false;    // the client sends nothing more
    bool closing_ = false;  // after what is pending
    bool draining_ = false;
    bool refused_ = false;  // what still comes is read and dropped
    std::size_t dropped_ = 0;
    bool continued_ = false;  // 100 Continue was sent for the request under way
};

}  // namespace echo
