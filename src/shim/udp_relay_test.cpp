#include "shim/udp_relay.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace crank::shim {
namespace {

int bound_socket(std::uint16_t& port) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    return fd;
}

class UdpRelayTest : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(loop_.open(), 0);
        worker_ = bound_socket(worker_port_);
        int socket = bound_socket(port_);
        ASSERT_EQ(relay_.listen(socket, htonl(INADDR_LOOPBACK), worker_port_), 0);
        for (int& peer : peers_) {
            std::uint16_t own;
            peer = bound_socket(own);
        }
    }
    void TearDown() override {
        relay_.stop_listening();
        close(worker_);
        for (int peer : peers_) close(peer);
    }
    void send_from(int peer, const std::string& text) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port_);
        sendto(peer, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&address),
               sizeof address);
        loop_.run_once(1000);
    }
    // What the worker has got, which it sends back in capital letters.
    std::string echo() {
        char text[70000];
        sockaddr_in from{};
        socklen_t size = sizeof from;
        ssize_t n =
            recvfrom(worker_, text, sizeof text, 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (n < 0) return "nothing";
        std::string got(text, static_cast<std::size_t>(n)), back = got;
        for (char& c : back) c = static_cast<char>(toupper(c));
        sendto(worker_, back.data(), back.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
        loop_.run_once(1000);
        return got;
    }
    std::string receive(int peer) {
        char text[70000];
        ssize_t n = recv(peer, text, sizeof text, 0);
        return n < 0 ? "nothing" : std::string(text, static_cast<std::size_t>(n));
    }

    Loop loop_;
    UdpRelay relay_{loop_};
    int worker_ = -1, peers_[2] = {-1, -1};
    std::uint16_t worker_port_ = 0, port_ = 0;
};

TEST_F(UdpRelayTest, EachPeerHasItsOwnAnswer) {
    for (int round = 0; round < 3; ++round) {
        send_from(peers_[0], "one");
        EXPECT_EQ(echo(), "one");
        send_from(peers_[1], "two");
        EXPECT_EQ(echo(), "two");
        EXPECT_EQ(receive(peers_[0]), "ONE");
        EXPECT_EQ(receive(peers_[1]), "TWO");
    }
}

TEST_F(UdpRelayTest, DatagramsStayWhatTheyAre) {
    send_from(peers_[0], "");
    EXPECT_EQ(echo(), "");
    EXPECT_EQ(receive(peers_[0]), "");
    std::string large(60000, 'x');
    send_from(peers_[0], large);
    EXPECT_EQ(echo(), large);
    EXPECT_EQ(receive(peers_[0]), std::string(60000, 'X'));
}

TEST_F(UdpRelayTest, MorePeersThanThereAreSessionsAreServed) {
    for (int i = 0; i < 300; ++i) {
        std::uint16_t own;
        int peer = bound_socket(own);
        send_from(peer, "a");
        EXPECT_EQ(echo(), "a");
        EXPECT_EQ(receive(peer), "A");
        close(peer);
    }
}

}  // namespace
}  // namespace crank::shim
