#include "sys/socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "sys/file.h"
#include "sys/stream.h"

namespace crank::sys {
namespace {

TEST(Socket, connects_to_who_listens_and_says_who_does_not) {
    std::string dir = make_temp_dir("/tmp/crank-socket.").value(), path = dir + "/s";
    EXPECT_EQ(connect_unix(path).error().code(), Code::not_found);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    {
        UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ASSERT_EQ(::listen(listener.get(), 1), 0);
        UniqueFd fd = connect_unix(path).value();
        UniqueFd peer(::accept(listener.get(), nullptr, nullptr));
        ASSERT_TRUE(peer);
        ASSERT_EQ(::write(peer.get(), "x", 1), 1);
        char byte = 0;
        EXPECT_EQ(::read(fd.get(), &byte, 1), 1);
        EXPECT_EQ(byte, 'x');
    }
    // The file is still there, and nobody behind it.
    EXPECT_EQ(connect_unix(path).error().code(), Code::not_found);
    EXPECT_EQ(connect_unix("/" + std::string(200, 'x')).error().code(), Code::invalid_argument);
    remove_tree(dir).value();
}

}  // namespace
}  // namespace crank::sys
