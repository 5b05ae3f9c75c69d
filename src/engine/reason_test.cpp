#include "engine/reason.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace crank::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kEnd = 1'000'000 * kSecond;

// A container with an init that has ended: by `signal`, or with `code`.
Container ended(int signal, int code) {
    Container container;
    container.record.id = std::string(64, 'a');
    container.record.name = "mail";
    container.record.memory = 64 << 20;
    container.record.pids_limit = 2048;
    State& state = container.state;
    state.status = Status::exited;
    state.exit = {
        .code = signal != 0 ? 128 + signal : code, .signal = signal, .finished_at_ns = kEnd};
    state.end.emplace();
    state.end->status = signal;
    state.end->worker_known = true;
    state.end->first_pid = 4710;
    state.end->worker_pid = 4711;
    state.end->oom_kills = 0;
    return container;
}

void kill_for_memory(Container& container, std::vector<runtime::Victim> victims, int kills) {
    container.state.exit.oom_killed = true;
    container.state.end->oom_kills = kills;
    container.state.end->limit_hits = 7;
    container.state.end->killed = std::move(victims);
}

TEST(Reason, OutOfMemoryAtItsOwnLimit) {
    Container container = ended(SIGKILL, 0);
    kill_for_memory(container, {{4711, true, "python3"}}, 1);
    Reason reason = explain(container);
    EXPECT_EQ(reason.cause, Cause::oom);
    EXPECT_EQ(reason.brief, "out of memory (limit 64MiB)");
    EXPECT_EQ(reason.text,
              "the kernel killed python3 (process 4711 of this machine): the container reached its "
              "memory limit of 64MiB");
    EXPECT_TRUE(reason.notes.empty());
    EXPECT_THAT(next_commands(container, reason)[0], HasSubstr("--memory=128MiB"));
}

TEST(Reason, OutOfMemoryWhereTheLogSaysNothing) {
    Container container = ended(SIGKILL, 0);
    kill_for_memory(container, {}, 1);
    EXPECT_EQ(explain(container).cause, Cause::oom);
    EXPECT_THAT(explain(container).text, HasSubstr("the kernel killed the worker"));
    // Nor does it where the init was killed.
    container.state.end->worker_known = false;
    EXPECT_EQ(explain(container).cause, Cause::oom);
}

TEST(Reason, TheMachinesMemoryIsNotTheLimit) {
    Container container = ended(SIGKILL, 0);
    kill_for_memory(container, {{4711, false, "python3"}}, 1);
    EXPECT_EQ(explain(container).cause, Cause::machine_oom);
    kill_for_memory(container, {}, 1);
    container.state.end->limit_hits = 0;
    EXPECT_EQ(explain(container).cause, Cause::machine_oom);
}

TEST(Reason, AChildThatWasKilledIsANote) {
    Container container = ended(0, 1);
    kill_for_memory(container, {{4800, true, "tail"}}, 1);
    Reason reason = explain(container);
    EXPECT_EQ(reason.cause, Cause::failed);
    EXPECT_EQ(reason.brief, "a process of it was out of memory (limit 64MiB)");
    EXPECT_THAT(reason.notes, ElementsAre("the kernel killed tail (process 4800 of this machine): "
                                          "the container reached its memory limit of 64MiB"));
    // An end that was well is not called otherwise.
    container.state.exit.code = 0;
    EXPECT_EQ(explain(container).brief, "");
    EXPECT_EQ(explain(container).notes.size(), 1U);
}

TEST(Reason, AKillBesideAKilledChildIsNotCalledOutOfMemory) {
    Container container = ended(SIGKILL, 0);
    kill_for_memory(container, {{4800, true, "tail"}}, 1);
    Reason reason = explain(container);
    EXPECT_EQ(reason.cause, Cause::signal);
    EXPECT_EQ(reason.notes.size(), 1U);
}

TEST(Reason, StopIsToldFromOthers) {
    Container container = ended(SIGTERM, 0);
    container.state.end->passed_signal = SIGTERM;
    EXPECT_EQ(explain(container).cause, Cause::signal);
    EXPECT_EQ(explain(container).text,
              "somebody on this machine sent SIGTERM to the container; it was not crank");
    container.state.asked = Asked{.verb = "stop",
                                  .signal = SIGTERM,
                                  .first_signal = SIGTERM,
                                  .grace = 10,
                                  .at_ns = kEnd - kSecond};
    EXPECT_EQ(explain(container).cause, Cause::stopped);
    EXPECT_EQ(explain(container).brief, "stopped");
    // One of an hour ago has nothing to do with it.
    container.state.asked->at_ns = kEnd - 3600 * kSecond;
    EXPECT_EQ(explain(container).cause, Cause::signal);
}

TEST(Reason, StopThatHadToKill) {
    Container container = ended(SIGKILL, 0);
    container.state.end->worker_known = false;
    container.state.asked = Asked{.verb = "stop",
                                  .signal = SIGKILL,
                                  .first_signal = SIGTERM,
                                  .grace = 3,
                                  .grace_over = true,
                                  .at_ns = kEnd};
    Reason reason = explain(container);
    EXPECT_EQ(reason.brief, "killed after 3s of crank stop");
    EXPECT_EQ(reason.text, "crank stop sent SIGTERM, waited 3 s for it to end, and sent SIGKILL");
}

TEST(Reason, AnEndJustBeforeStopKilled) {
    Container container = ended(SIGTERM, 0);
    container.state.asked = Asked{.verb = "stop",
                                  .signal = SIGKILL,
                                  .first_signal = SIGTERM,
                                  .grace = 0,
                                  .grace_over = true,
                                  .at_ns = kEnd + 1};
    EXPECT_EQ(explain(container).cause, Cause::stopped);
    EXPECT_EQ(explain(container).text, "crank stop sent SIGTERM, and it ended by that");
}

TEST(Reason, AnEndByItselfAfterStop) {
    Container container = ended(0, 3);
    container.state.asked = Asked{.verb = "stop",
                                  .signal = SIGTERM,
                                  .first_signal = SIGTERM,
                                  .grace = 10,
                                  .at_ns = kEnd - kSecond};
    EXPECT_EQ(explain(container).cause, Cause::stopped);
    EXPECT_EQ(explain(container).text,
              "it ended by itself with exit code 3 after crank stop had sent SIGTERM");
}

TEST(Reason, WhoKilledIsSaidAsFarAsItIsKnown) {
    Container container = ended(SIGKILL, 0);
    container.state.end->worker_known = false;
    EXPECT_EQ(explain(container).brief, "SIGKILL from outside");
    container.state.end->worker_known = true;
    EXPECT_THAT(explain(container).text,
                HasSubstr("by a process of the container or by somebody on this machine"));
    container.state.end->passed_signal = SIGKILL;
    container.state.end->passed_from_inside = true;
    EXPECT_THAT(explain(container).text, HasSubstr("a process of the container sent SIGKILL"));
}

TEST(Reason, CtrlCIsTheCallers) {
    Container container = ended(SIGINT, 0);
    container.state.end->passed_signal = SIGINT;
    container.state.end->caller_signal = SIGINT;
    EXPECT_EQ(explain(container).cause, Cause::stopped);
}

TEST(Reason, FaultsAreTheProgramsUnlessTheyWereSent) {
    Container container = ended(SIGSEGV, 0);
    EXPECT_EQ(explain(container).cause, Cause::fault);
    EXPECT_EQ(explain(container).brief, "SIGSEGV");
    container.state.end->passed_signal = SIGSEGV;
    EXPECT_EQ(explain(container).cause, Cause::signal);
}

TEST(Reason, ARefusedCallHasItsName) {
    Container container = ended(SIGSYS, 0);
    EXPECT_EQ(explain(container).brief, "SIGSYS");
    EXPECT_THAT(explain(container).text, HasSubstr("does not name a call"));
    container.state.end->denied = runtime::DeniedCall{101, 0xc000003e};
    EXPECT_EQ(explain(container).cause, Cause::refused);
    EXPECT_EQ(explain(container).brief, "system call ptrace refused");
    container.state.end->denied->number = 99999;
    EXPECT_THAT(explain(container).text, HasSubstr("number 99999"));
}

TEST(Reason, ExitCodesByConvention) {
    EXPECT_EQ(explain(ended(0, 0)).cause, Cause::finished);
    EXPECT_EQ(explain(ended(0, 1)).text, "it ended by itself with exit code 1");
    EXPECT_THAT(explain(ended(0, 126)).text, HasSubstr("cannot be executed"));
    EXPECT_THAT(explain(ended(0, 127)).text, HasSubstr("does not exist"));
    EXPECT_THAT(explain(ended(0, 143)).text, HasSubstr("ended by SIGTERM; the worker itself"));
    EXPECT_EQ(explain(ended(0, 200)).text, "it ended by itself with exit code 200");
    EXPECT_EQ(explain(ended(0, 143)).brief, "");
}

TEST(Reason, RefusedProcessesAreANote) {
    Container container = ended(0, 1);
    container.state.end->pids_refused = 1;
    EXPECT_THAT(explain(container).notes,
                ElementsAre(HasSubstr("refused a new process or thread once: it may have 2048")));
}

TEST(Reason, WhatNobodySawIsNotGuessed) {
    Container container = ended(0, 255);
    container.state.error = "its monitor was killed: how it ended is not known";
    EXPECT_EQ(explain(container).cause, Cause::lost);
    // An older crank recorded less.
    Container older = ended(SIGKILL, 0);
    older.state.end.reset();
    older.state.exit.oom_killed = true;
    EXPECT_EQ(explain(older).cause, Cause::oom);
}

TEST(Reason, Throttling) {
    EXPECT_EQ(throttling_text(0, 100, 0), "");
    EXPECT_EQ(throttling_text(40, 100, 3 * kSecond + kSecond / 4), "40 of 100 periods (40%), 3.2s");
    EXPECT_EQ(throttling_text(40, std::nullopt, kSecond), "40 periods, 1.0s");
}

TEST(Asked, IsReadAsItWasWritten) {
    Asked asked{.verb = "stop",
                .signal = 9,
                .first_signal = 15,
                .grace = 10,
                .grace_over = true,
                .at_ns = kEnd};
    auto again = parse_asked(serialize(asked));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, asked);
    EXPECT_EQ(parse_asked("{}").error().code(), Code::corrupt);
    EXPECT_EQ(parse_asked("not json").error().code(), Code::corrupt);
    EXPECT_EQ(parse_asked(R"({"version":2})").error().code(), Code::corrupt);
}

}  // namespace
}  // namespace crank::engine
