#include "sys/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "sys/file.h"

namespace crank::sys {
namespace {

constexpr std::size_t kCommandOutputLimit = std::size_t{16} << 20;

WaitStatus status_of(int status) {
    if (WIFSIGNALED(status)) return {0, WTERMSIG(status)};
    return {WEXITSTATUS(status), 0};
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> out;
    out.reserve(strings.size() + 1);
    for (const auto& s : strings) out.push_back(const_cast<char*>(s.c_str()));
    out.push_back(nullptr);
    return out;
}

}  // namespace

Child& Child::operator=(Child&& other) noexcept {
    if (this != &other) {
        Child gone(std::move(*this));
        pid_ = std::exchange(other.pid_, -1);
        pidfd_ = std::move(other.pidfd_);
    }
    return *this;
}

Child::~Child() {
    if (pid_ < 0) return;
    (void)pidfd_signal(pidfd_.get(), SIGKILL);
    (void)wait();
}

UniqueFd Child::release() {
    pid_ = -1;
    return std::move(pidfd_);
}

Result<WaitStatus> Child::wait() {
    if (pid_ < 0) return fail(Code::failed_precondition, "no such child process");
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0) {
        if (errno != EINTR) return fail_errno("wait for process " + std::to_string(pid_));
    }
    pid_ = -1;
    return status_of(status);
}

Result<std::optional<WaitStatus>> Child::wait_for(std::chrono::milliseconds deadline) {
    if (!TRY(wait_readable(pidfd_.get(), deadline))) return std::optional<WaitStatus>();
    return std::optional(TRY(wait()));
}

Result<> Child::signal(int number) { return pidfd_signal(pidfd_.get(), number); }

namespace {

struct FileActions {
    posix_spawn_file_actions_t value;
    FileActions() { ::posix_spawn_file_actions_init(&value); }
    ~FileActions() { ::posix_spawn_file_actions_destroy(&value); }
};

struct Attributes {
    posix_spawnattr_t value;
    Attributes() { ::posix_spawnattr_init(&value); }
    ~Attributes() { ::posix_spawnattr_destroy(&value); }
};

}  // namespace

Result<Child> spawn(const SpawnRequest& request) {
    FileActions actions;
    Attributes attributes;
    // Sources are first duplicated above every target, so that targets may overlap with them.
    int base = 3;
    std::string path = request.path;
    for (const auto& [from, to] : request.fds) base = std::max({base, from + 1, to + 1});
    std::vector<UniqueFd> copies;
    for (const auto& [from, to] : request.fds) {
        int copy = ::fcntl(from, F_DUPFD_CLOEXEC, base);
        if (copy < 0) return fail_errno("duplicate descriptor for " + request.path);
        copies.emplace_back(copy);
        ::posix_spawn_file_actions_adddup2(&actions.value, copy, to);
    }
    if (request.program >= 0) {
        int copy = ::fcntl(request.program, F_DUPFD_CLOEXEC, base);
        if (copy < 0) return fail_errno("duplicate the descriptor of " + request.path);
        copies.emplace_back(copy);
        path = "/proc/self/fd/" + std::to_string(copy);
    }
    if (!request.working_dir.empty())
        ::posix_spawn_file_actions_addchdir_np(&actions.value, request.working_dir.c_str());
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes.value, &none);
    ::posix_spawnattr_setsigdefault(&attributes.value, &all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (request.new_session) flags |= POSIX_SPAWN_SETSID;
    ::posix_spawnattr_setflags(&attributes.value, flags);

    auto argv = pointers(request.args);
    auto envp = pointers(request.env);
    pid_t pid = -1;
    int error = ::posix_spawn(&pid, path.c_str(), &actions.value, &attributes.value, argv.data(),
                              envp.data());
    if (error != 0) return fail(Error::from_errno(error, "start " + request.path));
    auto pidfd = open_pidfd(pid);
    if (!pidfd) {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return fail(std::move(pidfd).error());
    }
    return Child(pid, std::move(*pidfd));
}

Result<CommandOutput> run_command(const SpawnRequest& request) {
    UniqueFd null = TRY(open("/dev/null", O_RDWR));
    Pipe out = TRY(make_pipe());
    Pipe err = TRY(make_pipe());
    SpawnRequest with_pipes = request;
    with_pipes.fds.insert(with_pipes.fds.begin(),
                          {{null.get(), 0}, {out.write.get(), 1}, {err.write.get(), 2}});
    Child child = TRY(spawn(with_pipes));
    out.write.reset();
    err.write.reset();
    CommandOutput output;
    std::array<pollfd, 2> fds{pollfd{out.read.get(), POLLIN, 0}, pollfd{err.read.get(), POLLIN, 0}};
    std::array<std::string*, 2> sinks{&output.out, &output.err};
    std::array<char, 16384> buffer;
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
            return fail_errno("read the output of " + request.path);
        for (std::size_t i = 0; i < fds.size(); ++i) {
            if (fds[i].fd < 0 || (fds[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
            ssize_t n = ::read(fds[i].fd, buffer.data(), buffer.size());
            if (n <= 0)
                fds[i].fd = -1;
            else if (sinks[i]->size() < kCommandOutputLimit)
                sinks[i]->append(buffer.data(), static_cast<std::size_t>(n));
        }
    }
    output.status = TRY(child.wait());
    return output;
}

Result<UniqueFd> open_pidfd(pid_t pid) {
    long fd = ::syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) {
        if (errno == ESRCH)
            return fail(Code::not_found, "process " + std::to_string(pid) + " is gone");
        return fail_errno("open a pidfd of process " + std::to_string(pid));
    }
    return UniqueFd(static_cast<int>(fd));
}

Result<> pidfd_signal(int pidfd, int number) {
    if (::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0) != 0) {
        if (errno == ESRCH) return fail(Code::not_found, "the process is gone");
        return fail_errno("send signal " + std::to_string(number));
    }
    return {};
}

Result<bool> wait_readable(int fd, std::chrono::milliseconds deadline) {
    pollfd waiter{fd, POLLIN, 0};
    int ready;
    do ready = ::poll(&waiter, 1, static_cast<int>(deadline.count()));
    while (ready < 0 && errno == EINTR);
    if (ready < 0) return fail_errno("wait for a descriptor");
    return ready > 0;
}

Result<> become_subreaper() {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return fail_errno("become a subreaper");
    return {};
}

Result<std::uint64_t> start_time_of(pid_t pid) {
    auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    if (!text && text.error().code() != Code::not_found && text.error().error_number() != ESRCH)
        return fail(std::move(text).error());
    if (!text) return fail(Code::not_found, "process " + std::to_string(pid) + " is gone");
    // The command (field 2) may contain spaces and parentheses: count from the last ')'.
    std::size_t close = text->rfind(')');
    if (close == std::string::npos) return fail(Code::corrupt, "malformed /proc/PID/stat");
    auto fields = split(std::string_view(*text).substr(close + 2), ' ');
    if (fields.size() < 20) return fail(Code::corrupt, "malformed /proc/PID/stat");
    if (fields[0] == "Z" || fields[0] == "X")
        return fail(Code::not_found, "process " + std::to_string(pid) + " is gone");
    auto value = parse_int(fields[19]);
    if (!value) return fail(Code::corrupt, "malformed /proc/PID/stat");
    return static_cast<std::uint64_t>(*value);
}

}  // namespace crank::sys
