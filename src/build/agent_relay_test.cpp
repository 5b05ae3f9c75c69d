#include "build/agent_relay.h"

#include <gtest/gtest.h>

#include <array>

#include "build/test_tree.h"
#include "sys/file.h"
#include "sys/stream.h"
#include "sys/system.h"
#include "sys/unix_socket.h"

namespace crank::build {
namespace {

std::string read_text(int fd) {
    std::array<std::uint8_t, 64> buffer{};
    std::size_t n = sys::read_some(fd, buffer, "a socket").value();
    return {reinterpret_cast<const char*>(buffer.data()), n};
}

class Relay : public testing::Test {
protected:
    void SetUp() override {
        agent = sys::listen_unix(dir.path() + "/agent").value();
        relay.emplace(AgentRelay::open(dir.path() + "/step", dir.path() + "/agent", 0666,
                                       sys::effective_uid(), sys::effective_gid())
                          .value());
        probe = sys::accept_unix(agent.get()).value();  // whether somebody answers
    }
    TempDir dir;
    sys::UniqueFd agent;
    std::optional<sys::UniqueFd> probe;
    std::optional<AgentRelay> relay;
};

TEST_F(Relay, HandsQuestionsOverAndAnswersBack) {
    for (const char* text : {"first", "second"}) {
        sys::UniqueFd step = sys::connect_unix(dir.path() + "/step").value();
        ASSERT_TRUE(sys::write_all(step.get(), text, "a socket"));
        sys::UniqueFd asked = std::move(*sys::accept_unix(agent.get()).value());
        ASSERT_TRUE(sys::wait_readable(asked.get(), std::chrono::seconds(10)).value());
        EXPECT_EQ(read_text(asked.get()), text);
        ASSERT_TRUE(sys::write_all(asked.get(), "answer", "a socket"));
        EXPECT_EQ(read_text(step.get()), "answer");
        // The end of one side is told to the other.
        step.reset();
        ASSERT_TRUE(sys::wait_readable(asked.get(), std::chrono::seconds(10)).value());
        EXPECT_EQ(read_text(asked.get()), "");
    }
}

TEST_F(Relay, EndsWhileSomebodyIsConnected) {
    sys::UniqueFd step = sys::connect_unix(dir.path() + "/step").value();
    relay.reset();
    EXPECT_FALSE(sys::connect_unix(dir.path() + "/step"));
}

TEST_F(Relay, HasTheModeThatWasAskedFor) {
    EXPECT_EQ(sys::stat(dir.path() + "/step")->mode & 07777, 0666U);
}

TEST(RelayOpen, NeedsAnAgentThatAnswers) {
    TempDir dir;
    auto relay = AgentRelay::open(dir.path() + "/step", dir.path() + "/agent", 0600, 0, 0);
    ASSERT_FALSE(relay);
    EXPECT_EQ(relay.error().code(), Code::not_found);
}

}  // namespace
}  // namespace crank::build
