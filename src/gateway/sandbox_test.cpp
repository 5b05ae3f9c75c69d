#include "gateway/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "sys/confine.h"

namespace crank::gateway {
namespace {

constexpr int kNoSandbox = 255;

// Runs `body` in a child inside the sandbox and returns what it returns, 0 to 254.
int inside(const std::function<int()>& body) {
    pid_t child = fork();
    if (child == 0) _exit(enter_sandbox() ? body() : kNoSandbox);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The errno of a call inside, 0 where it succeeds.
template <class Call>
int error_of(Call call) {
    return inside([call] { return call() < 0 ? errno : 0; });
}

class Sandbox : public testing::Test {
protected:
    void SetUp() override {
        if (sys::is_sanitized()) GTEST_SKIP() << "the sandbox is for builds without sanitizers";
    }
};

TEST_F(Sandbox, OpensNoFileAndNoPath) {
    EXPECT_EQ(error_of([] { return open("/etc/hosts", O_RDONLY); }), EPERM);
    EXPECT_EQ(error_of([] { return open("/proc/self/environ", O_RDONLY); }), EPERM);
    EXPECT_EQ(error_of([] { return open("/tmp", O_PATH); }), EPERM);
    EXPECT_EQ(error_of([] { return unlink("/tmp/none"); }), EPERM);
}

TEST_F(Sandbox, StartsNothingAndReachesNoProcess) {
    EXPECT_EQ(error_of([] { return fork(); }), EPERM);
    EXPECT_EQ(error_of([] {
                  char* none[] = {nullptr};
                  return execve("/bin/true", none, none);
              }),
              EPERM);
    EXPECT_EQ(error_of([] { return kill(getppid(), 0); }), EPERM);
    EXPECT_EQ(error_of([] { return syscall(SYS_pidfd_open, getppid(), 0); }), EPERM);
}

TEST_F(Sandbox, BindsNothingAndConnectsByTcpAlone) {
    EXPECT_EQ(error_of([] { return socket(AF_UNIX, SOCK_STREAM, 0); }), EPERM);
    EXPECT_EQ(error_of([] { return socket(AF_NETLINK, SOCK_RAW, 0); }), EPERM);
    EXPECT_EQ(error_of([] { return socket(AF_INET, SOCK_DGRAM, 0); }), EPERM);
    EXPECT_EQ(error_of([] { return socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0); }), 0);
    EXPECT_EQ(error_of([] {
                  int made = socket(AF_INET, SOCK_STREAM, 0);
                  sockaddr_in any{};
                  any.sin_family = AF_INET;
                  return made < 0 ? made
                                  : bind(made, reinterpret_cast<const sockaddr*>(&any), sizeof any);
              }),
              EPERM);
    EXPECT_EQ(error_of([] {
                  int made = socket(AF_INET, SOCK_STREAM, 0);
                  return made < 0 ? made : listen(made, 1);
              }),
              EPERM);
}

TEST_F(Sandbox, HasNoCapability) {
    EXPECT_EQ(error_of([] { return prctl(PR_CAPBSET_READ, 0, 0, 0, 0); }), EPERM);
    EXPECT_EQ(error_of([] { return setuid(0); }), EPERM);
    EXPECT_EQ(error_of([] { return syscall(SYS_fchmod, 0, 0777); }), EPERM);
}

}  // namespace
}  // namespace crank::gateway
