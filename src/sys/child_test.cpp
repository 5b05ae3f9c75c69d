#include "sys/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

namespace crank::sys {
namespace {

using namespace std::chrono_literals;

TEST(Child, RunsAndReportsTheStatus) {
    auto output =
        run_command({"/bin/sh", {"sh", "-c", "echo out; echo err >&2; exit 7"}, {}, {}, "", false});
    ASSERT_TRUE(output);
    EXPECT_EQ(output->status.code, 7);
    EXPECT_EQ(output->out, "out\n");
    EXPECT_EQ(output->err, "err\n");
}

TEST(Child, AMissingProgramIsNamed) {
    auto child = spawn({"/nowhere/program", {"x"}, {}, {}, "", false});
    ASSERT_FALSE(child);
    EXPECT_EQ(child.error().text(), "start /nowhere/program: No such file or directory");
}

TEST(Child, IsKilledWhenItGoesOutOfScope) {
    pid_t pid;
    {
        auto child = spawn({"/bin/sleep", {"sleep", "100"}, {}, {}, "", false});
        ASSERT_TRUE(child);
        pid = child->pid();
        EXPECT_TRUE(start_time_of(pid));
        EXPECT_FALSE(child->wait_for(10ms).value().has_value());
    }
    EXPECT_FALSE(start_time_of(pid));
}

TEST(Child, ASignalIsTold) {
    auto child = spawn({"/bin/sleep", {"sleep", "100"}, {}, {}, "", false});
    ASSERT_TRUE(child);
    ASSERT_TRUE(child->signal(SIGTERM));
    auto status = child->wait();
    ASSERT_TRUE(status);
    EXPECT_EQ(status->signal, SIGTERM);
    EXPECT_EQ(status->shell_code(), 143);
}

// Its number may be one that the program's own descriptors get.
TEST(Child, AnOpenProgramIsExecutedWhateverItsNumber) {
    int program = ::open("/bin/cat", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(program, 3);
    SpawnRequest request{.path = "cat",
                         .args = {"cat", "/proc/self/comm"},
                         .env = {},
                         .fds = {},
                         .working_dir = "",
                         .program = program};
    request.fds.emplace_back(2, program);
    auto output = run_command(request);
    ::close(program);
    ASSERT_TRUE(output);
    EXPECT_EQ(output->status.code, 0);
    EXPECT_NE(output->out, "");
}

}  // namespace
}  // namespace crank::sys
