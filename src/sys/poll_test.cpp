#include "sys/poll.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "sys/file.h"

namespace crank::sys {
namespace {

TEST(Poll, SaysWhatIsReadyAndWhatEnded) {
    auto pipe = make_pipe();
    ASSERT_TRUE(pipe);
    ASSERT_TRUE(set_nonblocking(pipe->read.get()));
    std::array<char, 8> buffer;
    EXPECT_EQ(read_some(pipe->read.get(), buffer).value(), std::nullopt);
    std::vector<PollEntry> entries = {{.fd = pipe->read.get(), .want_read = true}, {.fd = -1}};
    EXPECT_FALSE(poll(entries, std::chrono::milliseconds(0)).value());
    EXPECT_EQ(write_some(pipe->write.get(), std::span<const char>("abc", 3)).value(), 3u);
    EXPECT_TRUE(poll(entries, std::chrono::milliseconds(1000)).value());
    EXPECT_TRUE(entries[0].readable);
    EXPECT_EQ(read_some(pipe->read.get(), buffer).value(), 3u);
    pipe->write.reset();
    EXPECT_TRUE(poll(entries, std::nullopt).value());
    EXPECT_TRUE(entries[0].readable);
    EXPECT_TRUE(entries[0].hung_up);
    EXPECT_EQ(read_some(pipe->read.get(), buffer).value(), 0u);
}

}  // namespace
}  // namespace crank::sys
