#include "engine/usage.h"

#include <gtest/gtest.h>

namespace crank::engine {
namespace {

TEST(Usage, TheNetworkIsEveryDeviceButLo) {
    NetBytes bytes = parse_net_dev(
        "Inter-|   Receive                |  Transmit\n"
        " face |bytes packets errs drop fifo frame compressed multicast|bytes packets\n"
        "    lo:  100    1    0    0    0     0          0         0      100   1 0 0 0 0 0 0\n"
        "  eth0:  300    3    0    0    0     0          0         0       50   1 0 0 0 0 0 0\n"
        "  eth1:7 1 0 0 0 0 0 0 8 1 0 0 0 0 0 0\n");
    EXPECT_EQ(bytes.received, 307);
    EXPECT_EQ(bytes.sent, 58);
}

TEST(Usage, BlocksOfBothVersions) {
    BlockBytes v2 = parse_io_stat(
        "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n259:0 rbytes=1 wbytes=2\n");
    EXPECT_EQ(v2.read, 11);
    EXPECT_EQ(v2.written, 22);
    BlockBytes v1 = parse_blkio("8:0 Read 10\n8:0 Write 20\n8:0 Total 30\n9:0 Read 5\nTotal 35\n");
    EXPECT_EQ(v1.read, 15);
    EXPECT_EQ(v1.written, 20);
    EXPECT_EQ(parse_blkio("").read, 0);
}

}  // namespace
}  // namespace crank::engine
