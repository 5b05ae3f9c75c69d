#include "shim/locker.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "shim/kernel.h"
#include "shim/ops.h"
#include "shim/passing.h"

namespace crank::shim {
namespace {

constexpr uint64_t kNewMounts = 0x20000, kNewUser = 0x10000000;

const Op* find_lock(const PlanView& plan) {
    for (uint32_t i = plan.header->op_count; i > 0; --i)
        if (plan.op(i - 1).kind == OpKind::lock_mounts) return &plan.op(i - 1);
    return nullptr;
}

// An error number, or 0 with a descriptor.
bool send_answer(int socket, int error, int descriptor) {
    return send_with(socket, &error, sizeof error, descriptor) ==
           static_cast<ssize_t>(sizeof error);
}

// 0 with the descriptor, or errno; ECHILD: the other end is gone.
int receive_answer(int socket, int& descriptor) {
    int error = 0;
    ssize_t n;
    do n = receive_with(socket, &error, sizeof error, 0, descriptor);
    while (n < 0 && errno == EINTR);
    if (n < 0) return errno;
    if (n != static_cast<ssize_t>(sizeof error)) return ECHILD;
    return error == 0 && descriptor < 0 ? EMFILE : error;
}

// From the child's namespace into one that is the host's and back into one of the user namespace's.
// The first two stay open until this process ends: dropping a mount namespace waits for the kernel.
int copy_twice(int mounts, int user, int& copy) {
    int links = open("/proc/self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (links < 0) return errno;
    if (syscall(SYS_setns, mounts, kNewMounts) != 0) return errno;
    if (syscall(SYS_unshare, kNewMounts) != 0) return errno;
    if (openat(links, "mnt", O_RDONLY | O_CLOEXEC) < 0) return errno;
    if (syscall(SYS_setns, user, kNewUser) != 0) return errno;
    if (syscall(SYS_unshare, kNewMounts) != 0) return errno;
    copy = openat(links, "mnt", O_RDONLY | O_CLOEXEC);
    return copy < 0 ? errno : 0;
}

[[noreturn]] void be_locker(int socket, int user) {
    int mounts = -1, copy = -1;
    if (receive_answer(socket, mounts) != 0) _exit(0);
    int error = copy_twice(mounts, user, copy);
    char end;
    if (send_answer(socket, error, copy)) (void)!read(socket, &end, 1);
    _exit(0);
}

}  // namespace

int start_locker(const PlanView& plan, Pipes& pipes) {
    const Op* lock = find_lock(plan);
    if (lock == nullptr) return 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pipes.locker) != 0) return errno;
    int pid = static_cast<int>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    if (pid == 0) {
        close(pipes.locker[1]);
        close(kControlFd);
        be_locker(pipes.locker[0], PlanView::slot(lock->fd));
    }
    int error = errno;
    close(pipes.locker[0]);
    pipes.locker[0] = -1;
    pipes.locker_pid = pid;
    return pid < 0 ? error : 0;
}

void reap_locker(Pipes& pipes) {
    if (pipes.locker_pid < 0) return;
    if (pipes.locker[1] >= 0) close(pipes.locker[1]);
    pipes.locker[1] = -1;
    int status;
    while (waitpid(pipes.locker_pid, &status, 0) < 0 && errno == EINTR) {}
    pipes.locker_pid = -1;
}

int lock_mounts(const ChildIo& io, Root& root) {
    int copy = -1;
    if (!send_answer(io.locker, 0, root.mounts)) return ECHILD;
    if (int error = receive_answer(io.locker, copy); error != 0) return error;
    int error = syscall(SYS_setns, copy, kNewMounts) != 0 ? errno : 0;
    // The locker keeps what was left until it ends, and ends with this.
    close(copy);
    close(root.mounts);
    close(io.locker);
    root.mounts = -1;
    return error;
}

}  // namespace crank::shim
