#include "sys/netlink.h"

#include <gtest/gtest.h>

#include <array>

#include "sys/rtnetlink.h"

namespace crank::sys {
namespace {

template <std::size_t N>
std::span<const std::byte> raw(const std::array<std::uint8_t, N>& bytes) {
    return std::as_bytes(std::span(bytes));
}

TEST(NetlinkAttributes, AreFoundByType) {
    const std::array<std::uint8_t, 20> data = {8, 0, 1, 0, 0x78, 0x56, 0x34, 0x12,  //
                                               5, 0, 2, 0, 7,    0,    0,    0,     //
                                               4, 0, 3, 0};
    NetlinkAttributes attributes(raw(data));
    EXPECT_EQ(attributes.u32(1), 0x12345678u);
    EXPECT_EQ(attributes.be32(1), 0x78563412u);
    EXPECT_EQ(attributes.u8(2), 7);
    EXPECT_EQ(attributes.u32(2), std::nullopt) << "too short for the type";
    EXPECT_TRUE(attributes.find(3));
    EXPECT_EQ(attributes.u8(3), std::nullopt);
    EXPECT_FALSE(attributes.find(4));
    EXPECT_EQ(attributes.string(4), "");
}

TEST(NetlinkAttributes, StringsEndAtTheirNulOrTheirEnd) {
    const std::array<std::uint8_t, 16> data = {8, 0, 1, 0, 'a', 'b', 0,   'x',
                                               7, 0, 2, 0, 'c', 'd', 'e', 0};
    NetlinkAttributes attributes(raw(data));
    EXPECT_EQ(attributes.string(1), "ab");
    EXPECT_EQ(attributes.string(2), "cde");
}

TEST(NetlinkAttributes, NestedOnesCarryAFlag) {
    const std::array<std::uint8_t, 12> data = {12, 0, 1, 0x80, 8, 0, 2, 0, 9, 0, 0, 0};
    EXPECT_EQ(NetlinkAttributes(raw(data)).nested(1).u32(2), 9u);
    EXPECT_EQ(NetlinkAttributes(raw(data)).nested(5).u32(2), std::nullopt);
}

TEST(NetlinkAttributes, LengthsThatLieAreNotFollowed) {
    for (std::uint8_t length : {0, 1, 3, 9, 255}) {
        const std::array<std::uint8_t, 8> data = {length, 0, 1, 0, 1, 2, 3, 4};
        EXPECT_FALSE(NetlinkAttributes(raw(data)).find(1)) << int{length};
    }
    const std::array<std::uint8_t, 3> stump = {8, 0, 1};
    EXPECT_FALSE(NetlinkAttributes(raw(stump)).find(1));
    EXPECT_FALSE(NetlinkAttributes({}).find(1));
}

TEST(NetlinkReply, AShortHeaderIsNone) {
    const std::array<std::uint8_t, 2> data = {1, 2};
    NetlinkReply reply{1, raw(data)};
    EXPECT_FALSE(reply.header<std::uint32_t>());
    EXPECT_FALSE(reply.attributes(16).find(1));
}

TEST(NetlinkSocket, AnErrorNamesTheStepAndHasTheKernelsWords) {
    auto socket = RouteSocket::open();
    ASSERT_TRUE(socket) << socket.error().text();
    RouteChanges changes;
    changes.set_up("no-such-device0");
    auto done = socket->apply(changes);
    ASSERT_FALSE(done);
    EXPECT_TRUE(done.error().text().starts_with("bring up no-such-device0")) << done.error().text();
    // The socket is of use afterwards.
    auto lo = socket->link(kLoopbackIndex);
    ASSERT_TRUE(lo) << lo.error().text();
    EXPECT_EQ(lo->name, "lo");
}

TEST(RouteSocket, ListsWhatThereIs) {
    auto socket = RouteSocket::open();
    ASSERT_TRUE(socket);
    auto links = socket->links();
    ASSERT_TRUE(links);
    EXPECT_FALSE(links->empty());
    EXPECT_TRUE(socket->addresses());
    EXPECT_TRUE(socket->routes());
    EXPECT_FALSE(socket->link(0x7ffffff0));
}

TEST(FormatMac, IsLowerCaseWithColons) {
    EXPECT_EQ(format_mac({0x02, 0x63, 0x0a, 0x58, 0x00, 0xff}), "02:63:0a:58:00:ff");
}

}  // namespace
}  // namespace crank::sys
