// Sessions over real sockets, without the process around them: what takes a minute, and who goes
// before whom.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "gateway/gateway.h"
#include "gateway/http_session.h"
#include "sys/poll.h"
#include "sys/tcp.h"

namespace crank::gateway {
namespace {

constexpr Milliseconds kPatience{10'000};

class Sessions : public testing::Test {
protected:
    void SetUp() override {
        auto front = sys::listen_tcp("127.0.0.1", 0, 4).value();
        behind_ = sys::listen_tcp("127.0.0.1", 0, 4).value();
        const std::string port = std::to_string(sys::local_port(behind_.get()).value());
        ask(R"({"op":"route","target":"a:1","backends":[{"id":"b","address":"127.0.0.1","port":)" +
            port + "}]}");
        client_ =
            sys::connect_tcp("127.0.0.1", sys::local_port(front.get()).value(), kPatience).value();
        ask(R"({"op":"listen","id":"c","target":"a:1","protocol":"http"})", std::move(front));
    }
    void ask(const std::string& request, sys::UniqueFd fd = {}) {
        std::vector<sys::UniqueFd> descriptors;
        if (fd) descriptors.push_back(std::move(fd));
        std::string answer;
        gateway_->perform(request, std::move(descriptors), this,
                          [&](std::string text) { answer = std::move(text); });
        EXPECT_EQ(answer, R"({"ok":true})");
    }
    void send(int socket, std::string_view text) {
        ASSERT_EQ(sys::send_both(socket, text, "").bytes, text.size());
    }
    // Whether there is something to read, once the loop has done its part.
    bool comes(int socket) {
        for (int i = 0; i < 1000; ++i) {
            if (sys::poll({&(entry_ = {.fd = socket, .want_read = true}), 1}, Milliseconds(1))
                    .value())
                return true;
            EXPECT_TRUE(loop_->run_round(Loop::Wait::not_at_all));
        }
        return false;
    }
    std::string read(int socket) {
        char buffer[4096];
        EXPECT_TRUE(comes(socket));
        const sys::Moved moved = sys::receive(socket, buffer);
        return {buffer, moved.bytes};
    }
    // The connection at the backend, once it has this.
    sys::UniqueFd backend(std::string_view ends_with) {
        EXPECT_TRUE(comes(behind_.get()));
        auto connection = sys::accept_tcp(behind_.get(), kPatience).value();
        std::string text;
        while (!text.ends_with(ends_with)) {
            const std::string more = read(connection.get());
            if (more.empty()) break;
            text += more;
        }
        EXPECT_TRUE(text.ends_with(ends_with)) << text;
        return connection;
    }
    // As long passes without an event.
    void pass(Milliseconds time) {
        loop_->timers().skip(time);
        EXPECT_TRUE(loop_->run_round(Loop::Wait::not_at_all));
    }
    std::string status() {
        const std::string answer = read(client_.get());
        return answer.substr(0, answer.find('\r'));
    }

    std::unique_ptr<Loop> loop_ = Loop::create().value();
    std::unique_ptr<Gateway> gateway_ =
        std::make_unique<Gateway>(*loop_, [](const std::string&) {});
    sys::UniqueFd behind_, client_;
    sys::PollEntry entry_;
};

TEST_F(Sessions, ABodyThatStallsForAMinuteEndsTheExchange) {
    send(client_.get(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    sys::UniqueFd behind = backend("abc");
    pass(Milliseconds(59'000));
    // Each byte begins the minute anew.
    send(client_.get(), "d");
    EXPECT_EQ(read(behind.get()), "d");
    pass(Milliseconds(59'000));
    EXPECT_TRUE(sys::is_silent(client_.get()));
    pass(Milliseconds(1'500));
    EXPECT_EQ(status(), "HTTP/1.1 408 Request Timeout");
    EXPECT_EQ(read(behind.get()), "");
}

TEST_F(Sessions, ABodyThatStallsUnderAResponseIsReset) {
    send(client_.get(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    sys::UniqueFd behind = backend("abc");
    send(behind.get(), "HTTP/1.1 200 OK\r\n\r\nbegun");
    EXPECT_EQ(status(), "HTTP/1.1 200 OK");
    pass(Milliseconds(60'500));
    ASSERT_TRUE(comes(client_.get()));
    char buffer[16];
    EXPECT_EQ(sys::receive(client_.get(), buffer).flow, sys::Flow::broken);
}

TEST_F(Sessions, NobodyIsBlamedForABackendThatIsSlow) {
    send(client_.get(),
         "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    sys::UniqueFd behind = backend("\r\n\r\n");
    pass(Milliseconds(61'000));
    pass(Milliseconds(61'000));
    EXPECT_TRUE(sys::is_silent(client_.get()));
    send(behind.get(), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(status(), "HTTP/1.1 100 Continue");
    pass(Milliseconds(59'000));
    send(client_.get(), "abc");
    EXPECT_EQ(read(behind.get()), "abc");
    // The request is whole: the rest is the backend's.
    pass(Milliseconds(600'000));
    EXPECT_TRUE(sys::is_silent(client_.get()));
    send(behind.get(), "HTTP/1.1 204 X\r\n\r\n");
    EXPECT_EQ(status(), "HTTP/1.1 204 X");
}

TEST_F(Sessions, NoneOutlivesTheGateway) {
    send(client_.get(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    sys::UniqueFd behind = backend("\r\n\r\n");
    ask(R"({"op":"unlisten","id":"c"})");
    gateway_.reset();
    EXPECT_TRUE(loop_->is_clear());
    EXPECT_EQ(read(client_.get()), "");
}

TEST_F(Sessions, TheLastDescriptorsAreNotForClients) {
    loop_->set_most_files(24 + 3);
    EXPECT_TRUE(loop_->has_room());
    // The listener, and the client.
    pass(Milliseconds(0));
    EXPECT_TRUE(loop_->has_room());
    send(client_.get(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    sys::UniqueFd behind = backend("\r\n\r\n");
    EXPECT_FALSE(loop_->has_room());
    send(behind.get(), "HTTP/1.1 204 X\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(status(), "HTTP/1.1 204 X");
    EXPECT_TRUE(loop_->has_room());
}

}  // namespace
}  // namespace crank::gateway
