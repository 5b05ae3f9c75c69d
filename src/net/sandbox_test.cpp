#include "net/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>
#include <thread>

#include "sys/confine.h"

namespace crank::net {
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

// A file of the kind that a sandboxed process must not read, and a place for new ones.
class Sandbox : public testing::Test {
protected:
    void SetUp() override {
        if (sys::is_sanitized()) GTEST_SKIP() << "the sandbox is for builds without sanitizers";
        ASSERT_NE(mkdtemp(directory_.data()), nullptr);
        secret_ = directory_ + "/auth.json";
        int file = open(secret_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        ASSERT_GE(file, 0);
        close(file);
    }
    void TearDown() override {
        unlink(secret_.c_str());
        rmdir(directory_.c_str());
    }
    std::string directory_ = testing::TempDir() + "crank-sandbox-XXXXXX";
    std::string secret_;
};

TEST_F(Sandbox, OpensNoFileOfTheUsers) {
    // landlock_create_ruleset, asked for its version
    if (syscall(444, nullptr, 0, 1) < 0) GTEST_SKIP() << "this kernel has no Landlock";
    EXPECT_EQ(error_of([this] { return open(secret_.c_str(), O_RDONLY); }), EACCES);
    EXPECT_EQ(error_of([] { return open("/etc/passwd", O_RDONLY); }), EACCES);
    EXPECT_EQ(error_of([] { return open("/proc/self/environ", O_RDONLY); }), EACCES);
}

TEST_F(Sandbox, WritesNoFile) {
    EXPECT_EQ(error_of([this] { return open(secret_.c_str(), O_WRONLY); }), EPERM);
    EXPECT_EQ(error_of([this] { return open((directory_ + "/new").c_str(), O_CREAT, 0600); }),
              EPERM);
    EXPECT_EQ(error_of([this] { return unlink(secret_.c_str()); }), EPERM);
    EXPECT_EQ(error_of([this] { return rename(secret_.c_str(), "/tmp/x"); }), EPERM);
    EXPECT_EQ(error_of([] { return open("/etc/hosts", O_RDWR); }), EPERM);
}

TEST_F(Sandbox, StartsNoProcessAndReachesNone) {
    EXPECT_EQ(error_of([] { return fork(); }), EPERM);
    EXPECT_EQ(error_of([] {
                  char* none[] = {nullptr};
                  return execve("/bin/true", none, none);
              }),
              EPERM);
    EXPECT_EQ(error_of([] { return kill(getppid(), 0); }), EPERM);
    EXPECT_EQ(error_of([] { return syscall(SYS_ptrace, 16, getppid(), 0, 0); }), EPERM);
    EXPECT_EQ(error_of([] { return syscall(SYS_pidfd_open, getppid(), 0); }), EPERM);
}

TEST_F(Sandbox, ReachesNoDaemonOfTheHostAndServesNobody) {
    EXPECT_EQ(error_of([] { return socket(AF_UNIX, SOCK_STREAM, 0); }), EPERM);
    EXPECT_EQ(error_of([] { return socket(AF_PACKET, SOCK_RAW, 0); }), EPERM);
    EXPECT_EQ(error_of([] { return socket(AF_NETLINK, SOCK_RAW, 9); }), EPERM);  // audit
    EXPECT_EQ(error_of([] {
                  int listener = socket(AF_INET, SOCK_STREAM, 0);
                  return listener < 0 ? listener : listen(listener, 1);
              }),
              EPERM);
}

TEST_F(Sandbox, WhatTlsAndNamesNeedGoesOn) {
    EXPECT_EQ(error_of([] { return open("/etc/ssl/certs", O_RDONLY | O_DIRECTORY); }), 0);
    EXPECT_EQ(error_of([] { return open("/etc/hosts", O_RDONLY); }), 0);
    EXPECT_EQ(error_of([] { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }), 0);
    EXPECT_EQ(inside([] {
                  addrinfo hints{}, *found = nullptr;
                  hints.ai_socktype = SOCK_STREAM;
                  int error = getaddrinfo("localhost", "443", &hints, &found);
                  if (error == 0) freeaddrinfo(found);
                  return -error;
              }),
              0);
    EXPECT_EQ(inside([] {
                  int seen = 1;
                  std::thread([&seen] { seen = 0; }).join();
                  return seen;
              }),
              0);
}

}  // namespace
}  // namespace crank::net
