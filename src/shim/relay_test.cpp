#include "shim/relay.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

namespace crank::shim {
namespace {

int make_listener(std::uint16_t& port, int flags) {
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(fd, 128), 0);
    socklen_t size = sizeof address;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    return fd;
}

int connect_to(std::uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
}

std::string read_to_end(int fd) {
    std::string out;
    char buffer[65536];
    while (true) {
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n <= 0) return out;
        out.append(buffer, static_cast<std::size_t>(n));
    }
}

// A worker that echoes after the end of its input, and a relay before it.
class RelayTest : public ::testing::Test {
protected:
    void SetUp() override {
        worker_ = make_listener(worker_port_, 0);
        listener_ = make_listener(port_, SOCK_NONBLOCK);
        ASSERT_EQ(loop_.open(), 0);
        ASSERT_EQ(relay_.listen(listener_, htonl(INADDR_LOOPBACK), worker_port_), 0);
        relay_thread_ = std::thread([this] {
            while (!stop_) {
                loop_.run_once(10);
                relay_.sweep();
            }
        });
    }
    void TearDown() override {
        stop_ = true;
        relay_thread_.join();
        close(worker_);
        close(listener_);
    }
    void echo_one() {
        int fd = accept(worker_, nullptr, nullptr);
        std::string all = read_to_end(fd);
        std::size_t sent = 0;
        while (sent < all.size()) {
            ssize_t n = send(fd, all.data() + sent, all.size() - sent, MSG_NOSIGNAL);
            if (n <= 0) break;
            sent += static_cast<std::size_t>(n);
        }
        close(fd);
    }

    Loop loop_;
    Relay relay_{loop_};
    int worker_ = -1, listener_ = -1;
    std::uint16_t worker_port_ = 0, port_ = 0;
    std::atomic<bool> stop_ = false;
    std::thread relay_thread_;
};

TEST(Relay, GivesThePortsBack) {
    Loop loop;
    ASSERT_EQ(loop.open(), 0);
    Relay relay(loop);
    std::uint16_t port = 0;
    ASSERT_EQ(relay.listen(make_listener(port, SOCK_NONBLOCK), htonl(INADDR_LOOPBACK), 1), 0);
    relay.stop_listening();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_NE(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(errno, ECONNREFUSED);
    close(fd);
}

TEST_F(RelayTest, CopiesBothWaysAndPassesTheEndOn) {
    // More than any socket buffer holds: back pressure is part of it.
    std::string message(16 << 20, '\0');
    for (std::size_t i = 0; i < message.size(); ++i)
        message[i] = static_cast<char>(i * 31 + i / 4096);
    std::thread worker([this] { echo_one(); });
    int client = connect_to(port_);
    std::thread sender([&] {
        std::size_t sent = 0;
        while (sent < message.size()) {
            ssize_t n = send(client, message.data() + sent, message.size() - sent, MSG_NOSIGNAL);
            if (n <= 0) break;
            sent += static_cast<std::size_t>(n);
        }
        shutdown(client, SHUT_WR);
    });
    std::string answer = read_to_end(client);
    sender.join();
    worker.join();
    close(client);
    EXPECT_EQ(answer.size(), message.size());
    EXPECT_TRUE(answer == message);
}

TEST_F(RelayTest, ManyConnectionsOneAfterTheOther) {
    std::thread worker([this] {
        for (int i = 0; i < 200; ++i) echo_one();
    });
    for (int i = 0; i < 200; ++i) {
        int client = connect_to(port_);
        std::string text = "hello " + std::to_string(i);
        ASSERT_EQ(send(client, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
        shutdown(client, SHUT_WR);
        EXPECT_EQ(read_to_end(client), text);
        close(client);
    }
    worker.join();
}

TEST_F(RelayTest, AWorkerThatDoesNotListenClosesTheConnection) {
    close(worker_);
    worker_ = -1;
    int client = connect_to(port_);
    EXPECT_EQ(read_to_end(client), "");
    close(client);
}

}  // namespace
}  // namespace crank::shim
