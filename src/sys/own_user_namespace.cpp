#include "sys/own_user_namespace.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/text.h"
#include "sys/confine.h"
#include "sys/file.h"

namespace crank::sys {

namespace {

constexpr std::uint32_t kAllIds = 4294967295U;  // what the initial namespace maps, from 0 on

Error explain_refusal(int error_number) {
    Error error = Error::from_errno(error_number, "create a user namespace");
    if (trim(read_file("/proc/sys/user/max_user_namespaces").value_or("1")) == "0")
        return std::move(error).with_hint("sudo sysctl user.max_user_namespaces=15000");
    if (trim(read_file("/proc/sys/kernel/unprivileged_userns_clone").value_or("1")) == "0")
        return std::move(error).with_hint("sudo sysctl kernel.unprivileged_userns_clone=1");
    return std::move(error).with_hint("crank doctor says what this host allows");
}

// Ubuntu lets everybody make one and then gives no rights in it.
Error explain_mounts(Error error) {
    if (trim(read_file("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").value_or("0")) ==
        "1")
        return std::move(error).with_hint(
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile "
            "that allows crank to make user namespaces");
    return error;
}

// Root's ids, and files below /proc/self that are the process's own again: a change of ids takes
// them away.
Result<> take_root() {
    if (::setresgid(0, 0, 0) != 0) return fail_errno("become group 0 of the user namespace");
    if (::setresuid(0, 0, 0) != 0) return fail_errno("become user 0 of the user namespace");
    if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return fail_errno("take /proc/self back");
    return {};
}

Result<> leave_mounts() {
    if (::unshare(CLONE_NEWNS) != 0)
        return fail(explain_mounts(Error::from_errno(errno, "create a mount namespace")));
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
        return fail(explain_mounts(Error::from_errno(errno, "keep mounts from the host")));
    return {};
}

// A process of the namespace that is left: only from there ids can be mapped that are not the
// caller's own. It maps those of its parent once that says so, and tells what went wrong.
class Mapper {
public:
    static Result<Mapper> start(const IdMaps& maps) {
        Mapper mapper;
        Pipe go = TRY(make_pipe()), answer = TRY(make_pipe());
        pid_t parent = ::getpid();
        mapper.pid_ = ::fork();
        if (mapper.pid_ < 0) return fail_errno("start a process");
        if (mapper.pid_ == 0) {
            go.write.reset();
            char byte = 0;
            if (::read(go.read.get(), &byte, 1) != 1) ::_exit(0);
            auto mapped = map_ids_of(parent, maps);
            std::string text;
            if (!mapped) text = mapped.error().text() + "\n" + mapped.error().hint();
            (void)!::write(answer.write.get(), text.data(), text.size());
            ::_exit(0);
        }
        mapper.go_ = std::move(go.write);
        mapper.answer_ = std::move(answer.read);
        return mapper;
    }
    Mapper(Mapper&& other) noexcept
        : pid_(std::exchange(other.pid_, -1)),
          go_(std::move(other.go_)),
          answer_(std::move(other.answer_)) {}
    Mapper& operator=(Mapper&&) = delete;
    ~Mapper() {
        go_.reset();
        if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    }

    Result<> map() {
        TRY(write_all(go_.get(), "m", "a pipe"));
        std::string text = TRY(read_all(answer_.get(), 1 << 16, "a pipe"));
        if (text.empty()) return {};
        std::size_t line = text.rfind('\n');
        return fail(Error(Code::permission_denied, text.substr(0, line))
                        .with_hint(line == std::string::npos ? "" : text.substr(line + 1)));
    }

private:
    Mapper() = default;
    pid_t pid_ = -1;
    UniqueFd go_, answer_;
};

[[noreturn]] void keep(const char* name, int lock, int ready, const std::function<void()>& work) {
    ::setsid();
    ::prctl(PR_SET_NAME, name, 0, 0, 0);
    for (int number : {SIGINT, SIGQUIT, SIGHUP}) ::signal(number, SIG_IGN);
    int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3 && null >= 0; ++fd) ::dup2(null, fd);
    char answer = ::chdir("/") != 0 || ::unshare(CLONE_NEWNET) != 0 ? static_cast<char>(errno) : 0;
    // It needs none, and only whoever has as many as another process may open its namespaces.
    if (answer == 0 && !drop_capabilities()) answer = EPERM;
    (void)!::write(ready, &answer, 1);
    if (answer != 0) ::_exit(1);
    // What the caller has open must not wait for this process's end.
    auto kept = static_cast<unsigned>(lock);
    if (kept > 3) ::close_range(3, kept - 1, 0);
    ::close_range(kept + 1, ~0U, 0);
    work();
    ::_exit(0);
}

}  // namespace

Result<OwnUserNamespace> own_user_namespace() {
    // Its number is fixed (PROC_USER_INIT_INO, since Linux 3.8; <linux/nsfs.h> names it
    // since 6.18).
    constexpr ino_t kInitial = 0xeffffffd;
    auto info = stat("/proc/self/ns/user");
    if (info && info->inode == kInitial) return OwnUserNamespace{};
    IdMaps maps = TRY(maps_of_process(::getpid()));
    OwnUserNamespace own;
    own.initial = maps.uids == std::vector<IdRange>{{0, 0, kAllIds}};
    if (own.initial) return own;
    own.largest_gid = 0;
    for (const IdRange& range : maps.gids)
        own.largest_gid = std::max(own.largest_gid, range.inside + (range.count - 1));
    return own;
}

Result<> become_root_of_new_user_namespace(const IdMaps& maps) {
    Mapper mapper = TRY(Mapper::start(maps));
    if (::unshare(CLONE_NEWUSER) != 0) return fail(explain_refusal(errno));
    TRY(mapper.map());
    TRY(take_root());
    return leave_mounts();
}

Result<> become_root_of_user_namespace(int namespace_fd) {
    if (::setns(namespace_fd, CLONE_NEWUSER) != 0) return fail_errno("enter the user namespace");
    TRY(take_root());
    return leave_mounts();
}

Result<uid_t> owner_of_user_namespace(int namespace_fd) {
    uid_t owner = 0;
    if (::ioctl(namespace_fd, NS_GET_OWNER_UID, &owner) != 0)
        return fail_errno("ask for the owner of a user namespace");
    return owner;
}

bool may_write(const std::string& path) { return ::access(path.c_str(), W_OK) == 0; }

Result<pid_t> start_keeper(const char* name, int lock, const std::function<void()>& work) {
    Pipe ready = TRY(make_pipe());
    pid_t pid = ::fork();
    if (pid < 0) return fail_errno("start a process");
    if (pid == 0) keep(name, lock, ready.write.get(), work);
    ready.write.reset();
    char answer = 0;
    if (::read(ready.read.get(), &answer, 1) != 1)
        return fail(Code::internal, std::string(name) + " ended without a word");
    if (answer != 0) {
        ::waitpid(pid, nullptr, 0);
        return fail(Error::from_errno(answer, "create a network namespace"));
    }
    return pid;
}

}  // namespace crank::sys
