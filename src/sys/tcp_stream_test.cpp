#include "sys/tcp_stream.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <chrono>
#include <string>

#include "sys/poll.h"
#include "sys/tcp.h"
#include "sys/unix_socket.h"

namespace crank::sys {
namespace {

using std::chrono::milliseconds;

bool wait_readable(int fd) {
    PollEntry entry{.fd = fd, .want_read = true};
    return poll({&entry, 1}, milliseconds(10'000)).value();
}

class TcpStream : public testing::Test {
protected:
    // A connection, both of its ends.
    void SetUp() override {
        for (const char* ip : {"127.0.0.1"}) {
            listener_ = listen_tcp(ip, 0, 4).value();
            auto begun = begin_connect(ip, local_port(listener_.get()).value()).value();
            client_ = std::move(begun.fd);
        }
        ASSERT_TRUE(wait_readable(listener_.get()));
        AcceptedStream accepted = accept_stream(listener_.get());
        ASSERT_EQ(accepted.outcome, AcceptOutcome::connection);
        EXPECT_EQ(accepted.peer, "127.0.0.1");
        server_ = std::move(accepted.fd);
        EXPECT_EQ(connect_error(client_.get()), 0);
    }
    UniqueFd listener_, client_, server_;
};

TEST_F(TcpStream, SendsTwoTextsAsOneAndTellsTheEnd) {
    EXPECT_EQ(accept_stream(listener_.get()).outcome, AcceptOutcome::none);
    EXPECT_TRUE(is_silent(server_.get()));
    char buffer[16];
    EXPECT_EQ(receive(server_.get(), buffer).flow, Flow::blocked);
    EXPECT_EQ(send_both(client_.get(), "ab", "cd").bytes, 4U);
    EXPECT_EQ(send_both(client_.get(), "", "e").bytes, 1U);
    ASSERT_TRUE(wait_readable(server_.get()));
    EXPECT_FALSE(is_silent(server_.get()));
    Moved moved = receive(server_.get(), buffer);
    EXPECT_EQ(std::string(buffer, moved.bytes), "abcde");
    finish_sending(client_.get()).value();
    ASSERT_TRUE(wait_readable(server_.get()));
    EXPECT_FALSE(is_silent(server_.get()));
    EXPECT_EQ(receive(server_.get(), buffer).flow, Flow::ended);
}

TEST_F(TcpStream, AResetAtItsCloseIsNoEnd) {
    ASSERT_EQ(send_both(server_.get(), "ab", "").bytes, 2U);
    reset_at_close(server_.get());
    server_.reset();
    ASSERT_TRUE(wait_readable(client_.get()));
    char buffer[16];
    // What came before can be read.
    EXPECT_EQ(receive(client_.get(), buffer).bytes, 2U);
    EXPECT_EQ(receive(client_.get(), buffer).flow, Flow::broken);
}

TEST_F(TcpStream, AsksAfterAPeerThatIsSilent) {
    auto option = [&](int level, int name) {
        int value = -1;
        socklen_t size = sizeof value;
        EXPECT_EQ(getsockopt(client_.get(), level, name, &value, &size), 0);
        return value;
    };
    EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 0);
    keep_alive(client_.get());
    EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 60);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 10);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPCNT), 6);
}

TEST(TcpListener, WhatIsNoneIsNamed) {
    UniqueFd listener = listen_tcp("127.0.0.1", 0, 4).value();
    EXPECT_TRUE(check_listener(listener.get()));
    auto begun = begin_connect("127.0.0.1", local_port(listener.get()).value()).value();
    EXPECT_EQ(check_listener(begun.fd.get()).error().text(), "the socket does not listen");
    UniqueFd other = listen_unix(testing::TempDir() + "crank-tcp-stream-test").value();
    EXPECT_EQ(check_listener(other.get()).error().text(), "the descriptor is no TCP socket");
    remove((testing::TempDir() + "crank-tcp-stream-test").c_str());
    EXPECT_EQ(begin_connect("localhost", 1).error().text(), "'localhost' is no IP address");
}

}  // namespace
}  // namespace crank::sys
