#include "shim/name_service.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace crank::shim {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

int bound_socket(sockaddr_in& address) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    return fd;
}

// A question for a name without dots.
Bytes question(const std::string& name) {
    Bytes packet = {0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0};
    packet.push_back(static_cast<std::uint8_t>(name.size()));
    packet.insert(packet.end(), name.begin(), name.end());
    packet.insert(packet.end(), {0, 0, 1, 0, 1});
    return packet;
}

class NameServiceTest : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "crank-service.XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        dir_ = pattern;
        file_ = dir_ + "/networks";
        fs::create_directories(dir_ + "/leases");
        fs::create_directories(dir_ + "/names/mail");
        fs::create_symlink("id", dir_ + "/leases/10.205.0.2");
        fs::create_symlink("id", dir_ + "/names/mail/10.205.0.2");
        write("network front " + dir_ + "\n");
        ASSERT_EQ(loop_.open(), 0);
        int udp = bound_socket(address_);
        ASSERT_EQ(service_.open(udp, servers_, file_.c_str()), 0);
        sockaddr_in own;
        client_ = bound_socket(own);
    }
    void TearDown() override {
        service_.close();
        close(client_);
        fs::remove_all(dir_);
    }

    void write(const std::string& text) { std::ofstream(file_) << text; }
    void send(const Bytes& packet) {
        sendto(client_, packet.data(), packet.size(), 0,
               reinterpret_cast<const sockaddr*>(&address_), sizeof address_);
        loop_.run_once(1000);
    }
    Bytes receive() {
        Bytes packet(4096);
        ssize_t n = recv(client_, packet.data(), packet.size(), 0);
        packet.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
        return packet;
    }
    Bytes ask(const Bytes& packet) {
        send(packet);
        return receive();
    }

    std::string dir_, file_;
    Loop loop_;
    NameService service_{loop_};
    Resolver servers_{-1, -1, 0, {}};
    sockaddr_in address_{};
    int client_ = -1;
};

TEST_F(NameServiceTest, NamesOfContainersAreAnswered) {
    Bytes answer = ask(question("mail"));
    ASSERT_GT(answer.size(), kDnsHeader);
    EXPECT_EQ(answer[0], 0xab);
    EXPECT_EQ(answer[3] & 0x0f, 0);
    EXPECT_EQ(answer[7], 1);
    EXPECT_EQ(Bytes(answer.end() - 4, answer.end()), (Bytes{10, 205, 0, 2}));
}

TEST_F(NameServiceTest, WithoutAWayOutOthersAreUnknownAndNobodyIsAsked) {
    servers_.server_count = 1;
    servers_.servers[0].family = AF_INET;
    Bytes answer = ask(question("elsewhere"));
    ASSERT_GE(answer.size(), kDnsHeader);
    EXPECT_EQ(answer[3] & 0x0f, 3);
}

TEST_F(NameServiceTest, WithAWayOutAndNobodyToAskItFails) {
    write("ask\nnetwork front " + dir_ + "\n");
    Bytes answer = ask(question("elsewhere"));
    ASSERT_GE(answer.size(), kDnsHeader);
    EXPECT_EQ(answer[3] & 0x0f, 2);
}

TEST_F(NameServiceTest, WhatCannotBeReadIsSaidToBeSoOrNotAnswered) {
    Bytes bad = question("mail");
    bad.resize(bad.size() - 3);
    EXPECT_EQ(ask(bad).at(3) & 0x0f, 1);
    Bytes response = question("mail");
    response[2] |= 0x80;
    EXPECT_TRUE(ask(response).empty());
    EXPECT_TRUE(ask({1, 2, 3}).empty());
    EXPECT_EQ(ask(Bytes(kMostQuery + 1)).at(3) & 0x0f, 1);
    EXPECT_EQ(ask(question("mail")).at(3) & 0x0f, 0);  // and it goes on
}

}  // namespace
}  // namespace crank::shim
