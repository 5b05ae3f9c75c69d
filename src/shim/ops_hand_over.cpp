// Operations of containers whose first process is handed over to the caller.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "shim/kernel.h"
#include "shim/ops.h"

namespace crank::shim {

int bind_root(const PlanView& plan, const Op& op) {
    const char* path = plan.text(op.s1);
    return mount(path, path, nullptr, MS_BIND | MS_REC, nullptr) != 0 ? errno : 0;
}

// A namespace through the host's /proc, whose processes this one is among.
int bind_descriptor(const PlanView& plan, const Op& op) {
    if (op.a != 0) {
        int place = open(plan.text(op.s1), O_PATH | O_CLOEXEC);
        if (place < 0) return errno;
        int error = move_mount(PlanView::slot(op.fd), place) != 0 ? errno : 0;
        close(place);
        return error;
    }
    char source[48];
    snprintf(source, sizeof source, "/proc/self/fd/%d", PlanView::slot(op.fd));
    return mount(source, plan.text(op.s1), nullptr, MS_BIND, nullptr) != 0 ? errno : 0;
}

int set_propagation(const PlanView& plan, const Op& op, const Root& root) {
    constexpr unsigned kRecursive = 0x8000;  // AT_RECURSIVE
    MountAttr attr{};
    attr.propagation = op.a & ~static_cast<uint64_t>(MS_REC);
    unsigned flags = AT_EMPTY_PATH | ((op.a & MS_REC) != 0 ? kRecursive : 0);
    const char* path = plan.text(op.s2);
    OpenHow how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = kResolveNoMagiclinks;
    int fd = op.fd >= 0  ? PlanView::slot(op.fd)
             : op.b != 0 ? root.bind
                         : openat2(AT_FDCWD, *path != 0 ? path : "/", how);
    if (fd < 0) return errno;
    int error = mount_setattr(fd, flags, attr) != 0 ? errno : 0;
    if (op.fd < 0 && op.b == 0) close(fd);
    return error;
}

int report_reached(const ChildIo& io, uint32_t op) {
    Report report{op, 0};
    // Whoever connected to start the container may be gone: no reason to die of it.
    ssize_t n = send(io.report_write, &report, sizeof report, MSG_NOSIGNAL);
    if (n < 0 && errno == ENOTSOCK) n = write(io.report_write, &report, sizeof report);
    return n < 0 ? errno : 0;
}

namespace {

void end_by(int number) { _exit(128 + number); }

// The first process of a process-id namespace does not die of a signal that it does not handle
// (pid_namespaces(7)); `kill` of a container that was never started is to end it. The program's
// execution takes the handlers away.
void die_of_signals() {
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    for (int number : numbers) signal(number, end_by);
}

}  // namespace

int await_start(const PlanView& plan, const Op& op, ChildIo& io) {
    int socket = PlanView::slot(op.fd);
    uint32_t index = plan.index_of(op);
    // What was opened on the way, parts of the host among it, is not held while it waits, which may
    // be long. What is still needed lies in the slots and above.
    close_range(3, kFirstSlot - 1, 0);
    die_of_signals();
    if (int error = report_reached(io, index); error != 0) return error;
    // Above what the program is handed; below its limit of open files, which is set by now.
    int lowest = 3 + static_cast<int>(plan.op(plan.header->op_count - 1).c);
    while (true) {
        int connection = accept4(socket, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0 && errno == EINTR) continue;
        if (connection < 0) return errno;
        int kept = fcntl(connection, F_DUPFD_CLOEXEC, lowest);
        if (kept < 0) return errno;
        close(connection);
        // From here on a failure is told to the one who starts the container. The first time this
        // ends the pipe to the shim, which is done by now.
        close(io.report_write);
        io.report_write = kept;
        if (report_reached(io, index) != 0) continue;
        char byte;
        ssize_t n;
        do n = read(io.report_write, &byte, 1);
        while (n < 0 && errno == EINTR);
        if (n == 1) break;
        // Whoever connected went away before the word: wait for the next.
    }
    close(socket);
    return 0;
}

int find_program(const PlanView& plan, const Op& op) {
    const char* name = plan.text(op.s1);
    if (strchr(name, '/') != nullptr) {
        struct stat info{};
        if (stat(name, &info) != 0 || faccessat(AT_FDCWD, name, X_OK, AT_EACCESS) != 0)
            return errno;
        return S_ISREG(info.st_mode) ? 0 : EACCES;  // as execve says of a directory
    }
    const char* path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    const char* variable = plan.text(op.s2);
    for (uint64_t i = 0; i < op.b; ++i, variable += strlen(variable) + 1) {
        if (strncmp(variable, "PATH=", 5) != 0) continue;
        path = variable + 5;
        break;
    }
    int result = ENOENT;
    for (const char* dir = path;;) {
        const char* end = strchrnul(dir, ':');
        char candidate[4096];
        int n = snprintf(candidate, sizeof candidate, "%.*s%s%s", static_cast<int>(end - dir), dir,
                         end == dir ? "./" : "/", name);
        struct stat info{};
        if (n > 0 && static_cast<size_t>(n) < sizeof candidate && stat(candidate, &info) == 0 &&
            S_ISREG(info.st_mode)) {
            if (faccessat(AT_FDCWD, candidate, X_OK, AT_EACCESS) == 0) return 0;
            result = errno;
        }
        if (*end == 0) return result;
        dir = end + 1;
    }
}

}  // namespace crank::shim
