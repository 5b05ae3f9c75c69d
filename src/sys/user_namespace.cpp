#include "sys/user_namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "sys/child.h"
#include "sys/file.h"

namespace crank::sys {

namespace {

constexpr const char* kOwnNamespace = "/proc/self/ns/user";

// Raw system calls alone: it is a fork of a program that may have had threads.
[[noreturn]] void wait_inside(int join, int ready, int done) {
    // Root of a namespace that others live in could look into this copy of crank.
    if (join >= 0) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    char answer = 0;
    if (join >= 0 && ::setns(join, CLONE_NEWUSER) != 0) answer = static_cast<char>(errno);
    (void)!::write(ready, &answer, 1);
    (void)!::read(done, &answer, 1);
    ::_exit(0);
}

// A process in a user namespace, for as long as it is held.
struct Inside {
    Child child;
    UniqueFd done;  // its end ends the process too
    pid_t pid() const { return child.pid(); }
};

// A new one, or that of `join`; `others`: CLONE_NEW* of what is made with it.
Result<Inside> start_inside(int join, std::uint64_t others = 0) {
    Pipe ready = TRY(make_pipe()), done = TRY(make_pipe());
    int pidfd = -1;
    clone_args args{};
    args.flags = CLONE_PIDFD | (join < 0 ? CLONE_NEWUSER : 0) | others;
    args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
    args.exit_signal = SIGCHLD;
    long pid = ::syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0) {
        Error error = Error::from_errno(errno, "create a user namespace");
        return fail(std::move(error).with_hint(
            "cat /proc/sys/user/max_user_namespaces: 0 forbids them on this host"));
    }
    if (pid == 0) {
        // The end of the parent's ends this one.
        ::close(done.write.get());
        wait_inside(join, ready.write.get(), done.read.get());
    }
    Child child(static_cast<pid_t>(pid), UniqueFd(pidfd));
    ready.write.reset();
    char answer = 0;
    if (::read(ready.read.get(), &answer, 1) != 1)
        return fail(Code::internal, "the process of a new user namespace ended without a word");
    if (answer != 0) return fail(Error::from_errno(answer, "enter the user namespace"));
    return Inside{std::move(child), std::move(done.write)};
}

std::string proc_file(pid_t pid, const char* name) {
    return "/proc/" + std::to_string(pid) + "/" + name;
}

bool is_own_id(const std::vector<IdRange>& ranges, std::uint32_t own) {
    return ranges.size() == 1 && ranges.front().count == 1 && ranges.front().outside == own;
}

Result<> ask_helper(const char* name, pid_t pid, const std::vector<IdRange>& ranges) {
    SpawnRequest request;
    request.path = std::string("/usr/bin/") + name;
    request.args = {name, std::to_string(pid)};
    for (const auto& range : ranges)
        for (std::uint32_t number : {range.inside, range.outside, range.count})
            request.args.push_back(std::to_string(number));
    if (!exists(request.path))
        return fail(Error(Code::permission_denied,
                          "mapping ids that are not the caller's own takes " + request.path)
                        .with_hint("apt-get install uidmap"));
    auto output = TRY(run_command(request));
    if (output.status.shell_code() == 0) return {};
    return fail(Error(Code::permission_denied,
                      std::string(name) + ": " + std::string(trim(std::string_view(output.err))))
                    .with_hint("the ids must be the caller's in /etc/subuid and /etc/subgid"));
}

Result<> write_map(pid_t pid, const char* file, const std::vector<IdRange>& ranges, bool own,
                   const char* helper) {
    if (::geteuid() != 0 && !own) return ask_helper(helper, pid, ranges);
    std::string text;
    for (const auto& range : ranges)
        text += std::to_string(range.inside) + " " + std::to_string(range.outside) + " " +
                std::to_string(range.count) + "\n";
    auto written = write_knob(proc_file(pid, file), text);
    if (written) return {};
    Error error = std::move(written).error();
    if (error.code() == Code::permission_denied)
        error = std::move(error).with_hint(
            "ids can only be mapped to those that this user "
            "namespace has itself: cat /proc/self/" +
            std::string(file));
    return fail(std::move(error));
}

Result<std::vector<IdRange>> read_map(pid_t pid, const char* file) {
    std::string text = TRY(read_file(proc_file(pid, file)));
    std::vector<IdRange> ranges;
    for (const auto& line : split(text, '\n')) {
        std::vector<std::uint32_t> numbers;
        for (const auto& word : split(line, ' '))
            if (auto number = parse_int(word); number && !word.empty())
                numbers.push_back(static_cast<std::uint32_t>(*number));
        if (numbers.size() == 3) ranges.push_back({numbers[0], numbers[1], numbers[2]});
    }
    return ranges;
}

}  // namespace

Result<> map_ids_of(pid_t pid, const IdMaps& maps) {
    bool own_uid = is_own_id(maps.uids, ::geteuid()), own_gid = is_own_id(maps.gids, ::getegid());
    // user_namespaces(7): an unprivileged map of groups takes that setgroups is given up.
    if (::geteuid() != 0 && own_gid) TRY(write_knob(proc_file(pid, "setgroups"), "deny"));
    TRY(write_map(pid, "uid_map", maps.uids, own_uid, "newuidmap"));
    return write_map(pid, "gid_map", maps.gids, own_gid, "newgidmap");
}

Result<UniqueFd> create_user_namespace(const IdMaps& maps) {
    Inside inside = TRY(start_inside(-1));
    TRY(map_ids_of(inside.pid(), maps));
    return open(proc_file(inside.pid(), "ns/user"), O_RDONLY);
}

Result<UserNamespace> create_user_namespace_with_network(const IdMaps& maps) {
    // clone(2): the user namespace is made first, and owns the others of the same call.
    Inside inside = TRY(start_inside(-1, CLONE_NEWNET));
    TRY(map_ids_of(inside.pid(), maps));
    return UserNamespace{TRY(open(proc_file(inside.pid(), "ns/user"), O_RDONLY)),
                         TRY(open(proc_file(inside.pid(), "ns/net"), O_RDONLY))};
}

Result<UniqueFd> open_user_namespace(const std::string& path) {
    UniqueFd fd = TRY(open(path, O_RDONLY));
    if (::ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWUSER)
        return fail(Code::invalid_argument, path + " is not a user namespace");
    FileInfo own = TRY(stat(kOwnNamespace)), theirs = TRY(stat_fd(fd.get(), path));
    if (own.inode == theirs.inode && own.device == theirs.device)
        return fail(Code::invalid_argument,
                    path + " is the user namespace that crank itself runs in");
    return fd;
}

Result<IdMaps> maps_of_user_namespace(int namespace_fd) {
    Inside inside = TRY(start_inside(namespace_fd));
    return maps_of_process(inside.pid());
}

Result<IdMaps> maps_of_process(pid_t pid) {
    return IdMaps{TRY(read_map(pid, "uid_map")), TRY(read_map(pid, "gid_map"))};
}

Result<bool> is_in_other_namespace(pid_t pid, const char* type) {
    std::string file = std::string("ns/") + type;
    FileInfo own = TRY(stat("/proc/self/" + file)),
             theirs = TRY(stat(proc_file(pid, file.c_str())));
    return own.inode != theirs.inode || own.device != theirs.device;
}

}  // namespace crank::sys
