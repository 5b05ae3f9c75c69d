#include "sys/unix_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/stream.h"

namespace crank::sys {
namespace {

// sun_path holds 107 bytes: the second directory's sockets are reached through it.
TEST(UnixSocket, connects_to_who_listens_and_says_who_does_not) {
    std::string dir = make_temp_dir("/tmp/crank-socket.").value();
    for (const std::string& inside : {dir, dir + "/" + std::string(200, 'x')}) {
        make_dirs(inside, 0700).value();
        std::string path = inside + "/s";
        EXPECT_EQ(connect_unix(path).error().code(), Code::not_found);
        {
            UniqueFd listener = listen_unix(path).value();
            struct stat info{};
            ASSERT_EQ(::stat(path.c_str(), &info), 0);
            EXPECT_EQ(info.st_mode & 07777, 0600U);
            EXPECT_EQ(listen_unix(path).error().code(), Code::already_exists);
            UniqueFd fd = connect_unix(path).value();
            UniqueFd peer(::accept(listener.get(), nullptr, nullptr));
            ASSERT_TRUE(peer);
            ASSERT_EQ(::write(peer.get(), "x", 1), 1);
            char byte = 0;
            EXPECT_EQ(::read(fd.get(), &byte, 1), 1);
            EXPECT_EQ(byte, 'x');
        }
        // The file is still there, and nobody behind it.
        EXPECT_EQ(connect_unix(path).error().code(), Code::failed_precondition);
    }
    EXPECT_EQ(connect_unix(dir + "/" + std::string(120, 'y')).error().code(),
              Code::invalid_argument);
    remove_tree(dir).value();
}

}  // namespace
}  // namespace crank::sys
