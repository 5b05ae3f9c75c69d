#include "gateway/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sys/socket.h"

namespace crank::gateway {
namespace {

using Kind = JournalEntry::Kind;

TEST(JournalEntry, ComesBackAsItWas) {
    for (const JournalEntry& entry :
         {JournalEntry{.kind = Kind::keep, .key = "3 listen a", .request = "{\"op\":\"listen\"}"},
          JournalEntry{.kind = Kind::keep, .key = "k", .request = std::string("a\0b", 3)},
          JournalEntry{.kind = Kind::forget, .key = "3 listen a"},
          JournalEntry{.kind = Kind::serves}, JournalEntry{.kind = Kind::all}})
        EXPECT_EQ(parse_entry(packet_of(entry)), entry);
}

TEST(JournalEntry, WhatIsMalformedIsNone) {
    for (std::string_view packet : {"", "x", "+", "+key", "-", "!x", ".x"})
        EXPECT_EQ(parse_entry(packet), std::nullopt) << packet;
    EXPECT_EQ(parse_entry(std::string_view("+\0request", 9)), std::nullopt);
    EXPECT_EQ(parse_entry(std::string_view("-a\0b", 4)), std::nullopt);
}

TEST(Journal, ReplaysToTheEndWithDescriptors) {
    auto [mine, its] = *sys::make_packet_pair();
    ASSERT_TRUE(send_entry(mine.get(), {.kind = Kind::keep, .key = "a", .request = "first"}));
    ASSERT_TRUE(
        send_entry(mine.get(), {.kind = Kind::keep, .key = "b", .request = "second"}, mine.get()));
    ASSERT_TRUE(send_entry(mine.get(), {.kind = Kind::all}));
    std::vector<std::pair<std::string, std::size_t>> seen;
    Journal journal(std::move(its));
    ASSERT_TRUE(
        journal.replay([&](std::string_view request, std::vector<sys::UniqueFd> descriptors) {
            seen.emplace_back(request, descriptors.size());
        }));
    EXPECT_THAT(seen, testing::ElementsAre(testing::Pair("first", 0), testing::Pair("second", 1)));
}

TEST(Journal, AnEndOfTheKeeperIsAnError) {
    auto [mine, its] = *sys::make_packet_pair();
    mine.reset();
    auto replayed = Journal(std::move(its)).replay([](auto, auto) { FAIL(); });
    ASSERT_FALSE(replayed);
    EXPECT_EQ(replayed.error().code(), Code::failed_precondition);
}

TEST(Journal, ConfusionIsAnError) {
    auto [mine, its] = *sys::make_packet_pair();
    ASSERT_TRUE(sys::send_packet(mine.get(), std::as_bytes(std::span("?", 1))));
    auto replayed = Journal(std::move(its)).replay([](auto, auto) { FAIL(); });
    ASSERT_FALSE(replayed);
    EXPECT_EQ(replayed.error().code(), Code::internal);
}

}  // namespace
}  // namespace crank::gateway
