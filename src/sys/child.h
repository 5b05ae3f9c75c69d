// Processes as owned objects: a pid and its pidfd (Linux 5.3), never a bare number.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// wait(2)'s status, taken apart.
struct WaitStatus {
    int code = 0;    // exit status; 0 when a signal ended it
    int signal = 0;  // 0 when it exited by itself
    int shell_code() const { return signal != 0 ? 128 + signal : code; }
};

// A child process. Killed (SIGKILL) and reaped when it goes out of scope, unless released.
class Child {
public:
    Child() = default;
    Child(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
    Child(Child&& other) noexcept
        : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}
    Child& operator=(Child&& other) noexcept;
    ~Child();

    pid_t pid() const { return pid_; }
    int pidfd() const { return pidfd_.get(); }
    Result<WaitStatus> wait();
    // std::nullopt: still running after the deadline.
    Result<std::optional<WaitStatus>> wait_for(std::chrono::milliseconds deadline);
    Result<> signal(int number);
    // It goes on by itself; the pidfd is the caller's.
    UniqueFd release();

private:
    pid_t pid_ = -1;
    UniqueFd pidfd_;
};

struct SpawnRequest {
    std::string path;               // of the program; no search
    std::vector<std::string> args;  // args[0] is the process's name
    std::vector<std::string> env;
    // (descriptor here, number there); every other descriptor is close-on-exec. Numbers may overlap
    // with the caller's descriptors.
    std::vector<std::pair<int, int>> fds;
    std::string working_dir;   // empty: the caller's
    bool new_session = false;  // setsid
    int program = -1;          // open: it is executed, and `path` is its name in errors
};

// Starts a program with vfork semantics, so that the cost does not grow with the caller
// (posix_spawn). Signals are unblocked and at their defaults in the child.
Result<Child> spawn(const SpawnRequest& request);

struct CommandOutput {
    WaitStatus status;
    std::string out, err;  // at most 16 MiB each
};
// Runs a program to its end with /dev/null as input, unless the request has another, and both
// outputs captured.
Result<CommandOutput> run_command(const SpawnRequest& request);

// From here on orphans below this process become its children (PR_SET_CHILD_SUBREAPER).
Result<> become_subreaper();
Result<UniqueFd> open_pidfd(pid_t pid);
Result<> pidfd_signal(int pidfd, int number);
// Until the descriptor is readable (a pidfd: the process ended). false: the deadline ran out; a
// negative one waits for ever.
Result<bool> wait_readable(int fd, std::chrono::milliseconds deadline);
// Field 22 of /proc/PID/stat: with it a pid names one process for good. not_found: gone, or dead
// and not yet reaped.
Result<std::uint64_t> start_time_of(pid_t pid);

}  // namespace crank::sys
