#include "runtime/handshake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

namespace crank::runtime {
namespace {

using shim::Message;
using shim::Packet;
using ::testing::HasSubstr;

Handshake begin() { return Handshake(StepNames{"/bin/true", {"mount proc on /proc"}}); }

Packet packet(Message message, std::uint64_t a = 0, std::uint64_t b = 0) {
    return {.message = message, .a = a, .b = b};
}

Result<Packet> say(Handshake& handshake, const Packet& what) {
    return handshake.accept(std::as_bytes(std::span(&what, 1)));
}

const Packet kStarted = packet(Message::started, 7, 7), kReached = packet(Message::reached, 0, 7),
             kReachedLater = packet(Message::reached, 1, 7), kExited = packet(Message::exited, 3),
             kTerminal = packet(Message::terminal), kFailed = packet(Message::failed, 0, EPERM);

TEST(Handshake, AStartAndItsEnd) {
    for (const std::vector<Packet>& before :
         {std::vector<Packet>{}, {kTerminal}, {kReached}, {kReached, kReachedLater}}) {
        Handshake handshake = begin();
        for (const Packet& what : before) ASSERT_TRUE(say(handshake, what));
        EXPECT_EQ(handshake.phase(), before.empty() || before[0].message == Message::terminal
                                         ? Phase::starting
                                         : Phase::waiting);
        ASSERT_TRUE(say(handshake, kStarted));
        EXPECT_EQ(handshake.phase(), Phase::running);
        auto end = say(handshake, kExited);
        ASSERT_TRUE(end);
        EXPECT_EQ(end->a, 3);
        EXPECT_EQ(handshake.phase(), Phase::ended);
    }
}

TEST(Handshake, AFailureNamesItsStepAndIsTheEnd) {
    for (const std::vector<Packet>& before : {std::vector<Packet>{}, {kReached}}) {
        Handshake handshake = begin();
        for (const Packet& what : before) ASSERT_TRUE(say(handshake, what));
        auto failed = say(handshake, kFailed);
        ASSERT_FALSE(failed);
        EXPECT_THAT(failed.error().text(), HasSubstr("mount proc on /proc"));
        EXPECT_FALSE(say(handshake, kStarted));
    }
    // a step that there is none of
    Handshake handshake = begin();
    EXPECT_THAT(say(handshake, packet(Message::failed, 0xffff'ffff'ffff, EPERM)).error().text(),
                HasSubstr("prepare the monitor"));
}

TEST(Handshake, WhatComesOutOfTurnIsRefused) {
    const std::vector<std::vector<Packet>> wrong = {
        {kExited},
        {kReached, kTerminal},
        {kReached, kReached},
        {kReachedLater, kReached},
        {kReached, kExited},
        {kStarted, kStarted},
        {kStarted, kReached},
        {kStarted, kTerminal},
        {kStarted, kFailed},
        {kStarted, kExited, kExited},
        {packet(Message::signal, 9)},
        {packet(Message::release)},
        {packet(static_cast<Message>(77))},
        {packet(Message::started, 0)},
        {packet(Message::started, std::uint64_t{1} << 32)},
        {packet(Message::reached, 0, 0)},
        {kStarted, packet(Message::exited, 256)},
        {kStarted, packet(Message::exited, 1, 128)},
        {kStarted, packet(Message::exited, 1, std::uint64_t{2} << 32)},
    };
    for (std::size_t i = 0; i < wrong.size(); ++i) {
        Handshake handshake = begin();
        for (std::size_t j = 0; j + 1 < wrong[i].size(); ++j)
            ASSERT_TRUE(say(handshake, wrong[i][j])) << i;
        auto last = say(handshake, wrong[i].back());
        ASSERT_FALSE(last) << i;
        EXPECT_EQ(last.error().code(), Code::internal) << i;
        EXPECT_THAT(last.error().text(), HasSubstr("may not say now")) << i;
    }
}

TEST(Handshake, WhereItWaits) {
    const StepNames steps{"/bin/true", {"hooks", "start", "filter"}};
    Handshake handshake(steps, {.hooks = 0, .listener = 2});
    const Point points[] = {Point::hooks, Point::created, Point::listener};
    for (std::uint64_t step = 0; step < 3; ++step) {
        ASSERT_TRUE(say(handshake, packet(Message::reached, step, 7)));
        EXPECT_EQ(handshake.phase(), Phase::waiting);
        EXPECT_EQ(handshake.point(), points[step]) << step;
    }
    // nobody answers: the filter's step fails
    EXPECT_THAT(say(handshake, packet(Message::failed, 2, ECONNRESET)).error().text(),
                HasSubstr("filter"));
    Handshake plain(steps);
    ASSERT_TRUE(say(plain, packet(Message::reached, 2, 7)));
    EXPECT_EQ(plain.point(), Point::created);
}

TEST(Handshake, NoPacketAndHalfOfOne) {
    Handshake handshake = begin();
    EXPECT_THAT(handshake.accept({}).error().text(), HasSubstr("starts the container ended"));
    handshake = begin();
    auto bytes = std::as_bytes(std::span(&kStarted, 1));
    EXPECT_THAT(handshake.accept(bytes.first(8)).error().text(), HasSubstr("malformed packet"));
    handshake = begin();
    ASSERT_TRUE(say(handshake, kStarted));
    EXPECT_THAT(handshake.accept({}).error().text(),
                HasSubstr("the monitor of the container ended"));
}

}  // namespace
}  // namespace crank::runtime
