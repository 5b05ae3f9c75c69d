#include "shim/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shim/names.h"
#include "shim/other_runtime.h"
#include "shim/records.h"

namespace crank::shim {
namespace {

constexpr int kMaxDepth = 512;  // deeper trees are left to crank, whose sweep has no such bound

void remove_at(int dirfd, const char* name, int depth) {
    if (unlinkat(dirfd, name, 0) == 0 || (errno != EISDIR && errno != EPERM)) return;
    if (depth > kMaxDepth) return;
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return;
    DIR* stream = fdopendir(fd);
    if (stream == nullptr) {
        close(fd);
        return;
    }
    while (dirent* entry = readdir(stream)) {
        const char* child = entry->d_name;
        if (strcmp(child, ".") != 0 && strcmp(child, "..") != 0)
            remove_at(::dirfd(stream), child, depth + 1);
    }
    closedir(stream);
    unlinkat(dirfd, name, AT_REMOVEDIR);
}

// A cgroup is busy until the kernel has reaped its last process: a few milliseconds.
bool remove_cgroup(const char* path) {
    for (int i = 0; i < 200; ++i) {
        if (rmdir(path) == 0 || errno == ENOENT) return true;
        if (errno != EBUSY) return false;
        timespec pause{0, 10 * 1000 * 1000};
        nanosleep(&pause, nullptr);
    }
    return false;
}

// What is left in it, until nothing is; a new one may be born meanwhile.
bool kill_cgroup(const char* path) {
    char file[4096], text[65536];
    if (snprintf(file, sizeof file, "%s/cgroup.procs", path) >= static_cast<int>(sizeof file))
        return false;
    for (int i = 0; i < 200; ++i) {
        if (!read_text(file, text, sizeof text) || text[0] == 0) return true;
        for (const char* line = text; *line != 0;) {
            int pid = atoi(line);
            if (pid > 0) kill(pid, SIGKILL);
            const char* end = strchr(line, '\n');
            line = end == nullptr ? "" : end + 1;
        }
        timespec pause{0, 10 * 1000 * 1000};
        nanosleep(&pause, nullptr);
    }
    return false;
}

bool removes(const PlanView& plan, const char* dir) {
    for (uint32_t i = 0; i < plan.header->after_exit_count; ++i) {
        const AfterExitEntry& entry = plan.header->after_exit[i];
        if (entry.kind == AfterExitKind::remove_tree && strcmp(plan.text(entry.path), dir) == 0)
            return true;
    }
    return false;
}

}  // namespace

bool removes_itself(const PlanView& plan) {
    return plan.header->state_dir != 0 && removes(plan, plan.text(plan.header->state_dir));
}

namespace {

// Whoever waits for this container holds a shared lock on the state directory until it has read the
// exit. Bounded: a command that was stopped must not keep the monitor.
void wait_for_readers(const char* state_dir) {
    int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return;
    for (int i = 0; i < 200 && flock(fd, LOCK_EX | LOCK_NB) != 0; ++i) {
        timespec pause{0, 10 * 1000 * 1000};
        nanosleep(&pause, nullptr);
    }
    close(fd);
}

// Its directory `users` goes where nobody else has a link in it, and that decides (decision 35).
bool remove_unused_volume(const PlanView& plan, const char* path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT;
    char user[300];
    const char* id = strrchr(plan.text(plan.header->state_dir), '/');
    if (id != nullptr && snprintf(user, sizeof user, "users%s", id) < static_cast<int>(sizeof user))
        unlinkat(fd, user, 0);
    bool used = unlinkat(fd, "users", AT_REMOVEDIR) != 0 && errno != ENOENT;
    close(fd);
    if (used) return true;
    remove_at(AT_FDCWD, path, 0);
    return access(path, F_OK) != 0;
}

// Another container may have its name by now (`crank rename`), and where a name changes hands
// whoever does it holds the lock beside it.
bool unlink_own(const PlanView& plan, const char* path) {
    char other[4096], target[256];
    const char* slash = strrchr(path, '/');
    if (slash == nullptr || plan.header->state_dir == 0) return true;
    snprintf(other, sizeof other, "%.*s/.lock", static_cast<int>(slash - path), path);
    int lock = open(other, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    for (int i = 0; lock >= 0 && i < 100 && flock(lock, LOCK_EX | LOCK_NB) != 0; ++i) {
        timespec pause{0, 10 * 1000 * 1000};
        nanosleep(&pause, nullptr);
    }
    const char* id = strrchr(plan.text(plan.header->state_dir), '/');
    ssize_t n = readlink(path, target, sizeof target - 1);
    target[n < 0 ? 0 : n] = 0;
    bool own = n > 0 && id != nullptr && strcmp(target, id + 1) == 0;
    bool gone = own ? unlink(path) == 0 : n > 0 || errno == ENOENT;
    if (lock >= 0) close(lock);
    return gone;
}

// The file stays with the directory that it lies in.
bool unlink_listed(const PlanView& plan, const char* path) {
    const char* id = strrchr(plan.text(plan.header->state_dir), '/');
    if (id != nullptr && plan.header->state_dir != 0) drop_links(path, id + 1);
    return true;
}

// Another command has removed what this one was to remove, and the file by which it had the id: a
// group of that path would be the next container's.
bool has_lost_claim(const PlanView& plan) {
    struct stat info{};
    return plan.claim >= 0 && fstat(plan.claim, &info) == 0 && S_ISREG(info.st_mode) &&
           info.st_nlink == 0;
}

bool remove(const PlanView& plan, const AfterExitEntry& entry) {
    const char* path = plan.text(entry.path);
    switch (entry.kind) {
        case AfterExitKind::kill_cgroup: return kill_cgroup(path);
        case AfterExitKind::unlink_listed: return unlink_listed(plan, path);
        case AfterExitKind::unlink: return unlink(path) == 0 || errno == ENOENT;
        // An address that was given back early may be another's by now.
        case AfterExitKind::unlink_lease:
        case AfterExitKind::unlink_own: return unlink_own(plan, path);
        case AfterExitKind::remove_cgroup: return remove_cgroup(path);
        case AfterExitKind::remove_unused_volume: return remove_unused_volume(plan, path);
        case AfterExitKind::remove_tree: break;
    }
    remove_at(AT_FDCWD, path, 0);
    return access(path, F_OK) != 0;
}

// The container itself, and what it has for as long as it exists.
bool belongs_to_container(AfterExitKind kind) {
    return kind == AfterExitKind::remove_tree || kind == AfterExitKind::unlink_own ||
           kind == AfterExitKind::remove_unused_volume;
}

bool is_of_group(AfterExitKind kind) {
    return kind == AfterExitKind::kill_cgroup || kind == AfterExitKind::remove_cgroup;
}

}  // namespace

bool is_kept(const PlanView& plan) {
    return (__atomic_load_n(&plan.header->shared.orders, __ATOMIC_ACQUIRE) & kOrderKeep) != 0;
}

bool clean_up(const PlanView& plan) {
    if (plan.header->state_dir != 0 && removes(plan, plan.text(plan.header->state_dir)))
        wait_for_readers(plan.text(plan.header->state_dir));
    // Its groups are removed by that one first, which has more of them.
    forget_in_other_runtime(plan);
    bool keeps = is_kept(plan);
    bool gone = true;
    for (uint32_t i = 0; i < plan.header->after_exit_count; ++i) {
        const AfterExitEntry& entry = plan.header->after_exit[i];
        // The directories come last: what is left is found by them.
        if (!gone && entry.kind == AfterExitKind::remove_tree) continue;
        if (keeps && belongs_to_container(entry.kind)) continue;
        if (is_of_group(entry.kind) && has_lost_claim(plan)) continue;
        gone = remove(plan, entry) && gone;
    }
    return gone;
}

}  // namespace crank::shim
