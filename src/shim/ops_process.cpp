// Operations on the process itself.
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "shim/kernel.h"
#include "shim/ops.h"
#include "shim/passing.h"

namespace crank::shim {

int write_file(const char* path, const char* content) {
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return errno;
    int error = write(fd, content, strlen(content)) < 0 ? errno : 0;
    close(fd);
    return error;
}

int loopback_up() {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    ifreq request{};
    strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    int error = ioctl(fd, SIOCSIFFLAGS, &request) != 0 ? errno : 0;
    close(fd);
    return error;
}

int wait_gate(int fd) {
    char byte;
    ssize_t n;
    do n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1) return 0;
    return n == 0 ? ECANCELED : errno;  // the one who would open it is gone
}

int change_dir(const char* path) {
    // No way through /proc/self/fd: a link to it in the image would lead to whatever directory of
    // the host this process still holds (CVE-2024-21626).
    OpenHow how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = kResolveNoMagiclinks;
    int fd = openat2(AT_FDCWD, path, how);
    if (fd < 0) return errno;
    int error = fchdir(fd) != 0 ? errno : 0;
    close(fd);
    return error;
}

namespace {

// The slave also becomes /dev/console, where programs that look for a console find it.
void offer_console(int slave) {
    int file = open("/dev/console", O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (file >= 0) close(file);
    int target = open("/dev/console", O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (target < 0) return;
    int clone = open_tree(slave, "", kOpenTreeClone | kOpenTreeCloexec | AT_EMPTY_PATH);
    if (clone >= 0) {
        move_mount(clone, target);
        close(clone);
    }
    close(target);
}

// A pipe of the caller's, or the terminal, which its new user could not open again otherwise
// (/dev/stdout). Never a file of the host's.
void give_to_user(uint64_t user_plus_one, uint64_t group_plus_one) {
    if (user_plus_one == 0) return;
    auto uid = static_cast<uid_t>(user_plus_one - 1);
    // 0 becomes -1: the group stays.
    auto gid = static_cast<gid_t>(group_plus_one - 1);
    for (int fd = 0; fd < 3; ++fd) {
        struct stat info{};
        if (fstat(fd, &info) != 0 || info.st_uid == uid) continue;
        constexpr unsigned kFirstPtsMajor = 136, kLastPtsMajor = 143;
        unsigned major_number = major(info.st_rdev);
        bool terminal = S_ISCHR(info.st_mode) && major_number >= kFirstPtsMajor &&
                        major_number <= kLastPtsMajor;
        if (S_ISFIFO(info.st_mode) || terminal) (void)!fchown(fd, uid, gid);
    }
}

}  // namespace

int open_terminal(const PlanView& plan, const Op& op, int socket) {
    int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) return errno;
    int unlock = 0;
    if (ioctl(master, TIOCSPTLCK, &unlock) != 0) return errno;
    // TIOCGPTPEER: no path is looked up, so none can be exchanged.
    constexpr unsigned kGetPeer = 0x5441;
    int slave = ioctl(master, kGetPeer, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) return errno;
    if (*plan.text(op.s1) != 0) {
        termios settings{};
        if (tcgetattr(slave, &settings) != 0) return errno;
        settings.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
        if (tcsetattr(slave, TCSANOW, &settings) != 0) return errno;
    }
    if (op.a != 0 && op.b != 0) {
        winsize size{};
        size.ws_row = static_cast<unsigned short>(op.a);
        size.ws_col = static_cast<unsigned short>(op.b);
        ioctl(slave, TIOCSWINSZ, &size);
    }
    offer_console(slave);
    // Whoever takes it from a console socket also reads a name.
    constexpr char kName[] = "/dev/ptmx";
    if (send_with(socket, kName, sizeof kName - 1, master) < 0) return errno;
    if (ioctl(slave, TIOCSCTTY, 0) != 0) return errno;
    for (int fd = 0; fd < 3; ++fd)
        if (dup2(slave, fd) < 0) return errno;
    close(slave);
    close(master);
    give_to_user(op.c, 0);
    return 0;
}

int connect_stdio(const PlanView& plan, const Op& op, const ChildIo& io) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 && errno != ENOENT) return errno;  // FROM scratch without /dev: plan's choice
    int in = op.fd >= 0 ? PlanView::slot(op.fd) : null;
    int out = io.stdout_write >= 0 ? io.stdout_write : PlanView::slot(plan.header->stdout_slot);
    int err = io.stderr_write >= 0 ? io.stderr_write : PlanView::slot(plan.header->stderr_slot);
    if (out < 0) out = null;
    if (err < 0) err = null;
    // Sources are all above 2: nothing is overwritten before it is used.
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) return errno;
    if (null > 2) close(null);
    give_to_user(op.c, op.a);
    return 0;
}

int set_bounding(uint64_t keep) {
    for (int cap = 0; cap < 64; ++cap) {
        if ((keep >> cap & 1) != 0) continue;
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0) {
            if (errno == EINVAL) return 0;  // beyond the kernel's last capability
            return errno;
        }
    }
    return 0;
}

// Where the namespace forbids setgroups there is nothing to drop, or the start is refused: a group
// of the host's that is left would open the host's files.
bool has_no_other_group() {
    gid_t group;
    int count = getgroups(1, &group);
    return count == 0 || (count == 1 && group == getegid());
}

int set_user(const PlanView& plan, const Op& op) {
    auto groups = reinterpret_cast<const gid_t*>(plan.text(op.s1));
    // Raw calls: musl's set*id signal every thread, and there is one thread here.
    if (syscall(SYS_setgroups, op.c, groups) != 0 &&
        (errno != EPERM || op.c != 0 || !has_no_other_group()))
        return EPERM;
    if (syscall(SYS_setresgid, op.b, op.b, op.b) != 0) return errno;
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return errno;
    if (syscall(SYS_setresuid, op.a, op.a, op.a) != 0) return errno;
    return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0 ? errno : 0;
}

int become_mapped_root(const Op& op) {
    if (syscall(SYS_setgroups, 0, nullptr) != 0 && (errno != EPERM || !has_no_other_group()))
        return EPERM;
    if (syscall(SYS_setresgid, op.b, op.b, op.b) != 0) return errno;
    if (syscall(SYS_setresuid, op.a, op.a, op.a) != 0) return errno;
    return 0;
}

int raise_limit(const Op& op) {
    auto resource = static_cast<int>(op.a);
    rlimit limit{};
    if (getrlimit(resource, &limit) != 0) return errno;
    if (limit.rlim_max >= static_cast<rlim_t>(op.c)) return 0;
    limit.rlim_max = static_cast<rlim_t>(op.c);
    return setrlimit(resource, &limit) != 0 ? errno : 0;
}

int set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    for (int half = 0; half < 2; ++half) {
        data[half].effective = static_cast<uint32_t>(effective >> (32 * half));
        data[half].permitted = static_cast<uint32_t>(permitted >> (32 * half));
        data[half].inheritable = static_cast<uint32_t>(inheritable >> (32 * half));
    }
    return syscall(SYS_capset, &header, data) != 0 ? errno : 0;
}

int set_ambient(uint64_t mask) {
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return errno;
    for (int cap = 0; cap < 64; ++cap) {
        if ((mask >> cap & 1) != 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) != 0)
            return errno;
    }
    return 0;
}

int set_seccomp(const PlanView& plan, const Op& op, const ChildIo& io) {
    sock_fprog program{};
    program.len = static_cast<unsigned short>(op.a);
    program.filter = reinterpret_cast<sock_filter*>(const_cast<char*>(plan.text(op.s1)));
    if (op.c == 0)
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, op.b, &program) != 0 ? errno : 0;
    Report report{plan.index_of(op), 0};
    int channel = op.fd >= 0 ? PlanView::slot(op.fd) : io.report_write;
    if (op.fd >= 0)
        if (int error = report_reached(io, report.op); error != 0) return error;
    constexpr uint64_t kNewListener = 8;
    int listener = static_cast<int>(
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, op.b | kNewListener, &program));
    if (listener < 0) return errno;
    // The filter holds from here on: the plan has seen that it lets these two calls pass.
    if (send_with(channel, &report, sizeof report, listener) < 0) return errno;
    return wait_gate(channel);
}

namespace {

const char* next(const char* string) { return string + strlen(string) + 1; }

const char* find_path(char* const* environment) {
    for (; *environment != nullptr; ++environment)
        if (strncmp(*environment, "PATH=", 5) == 0) return *environment + 5;
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

// execvpe without its fallback to a shell: what is not executable is an error.
int search_and_execute(const char* program, char* const* argv, char* const* envp) {
    if (strchr(program, '/') != nullptr) {
        execve(program, argv, envp);
        return errno;
    }
    char candidate[4096];
    int result = ENOENT;
    for (const char* dir = find_path(envp);;) {
        const char* end = strchrnul(dir, ':');
        int n = snprintf(candidate, sizeof candidate, "%.*s%s%s", static_cast<int>(end - dir), dir,
                         end == dir ? "./" : "/", program);
        if (n > 0 && static_cast<size_t>(n) < sizeof candidate) {
            struct stat info{};
            if (stat(candidate, &info) == 0 && S_ISREG(info.st_mode)) {
                execve(candidate, argv, envp);
                if (errno == EACCES)
                    result = EACCES;
                else
                    return errno == ENOENT ? ENOEXEC
                                           : errno;  // it is there: its interpreter is not
            }
        }
        if (*end == 0) return result;
        dir = end + 1;
    }
}

}  // namespace

namespace {

// Words of 64 bits, lowest first.
bool has_bit(const char* words, int number) {
    uint64_t word;
    memcpy(&word, words + number / 64 * 8, sizeof word);
    return (word >> number % 64 & 1) != 0;
}

}  // namespace

int execute(const PlanView& plan, const Op& op) {
    if (op.a == 0) return ENOEXEC;  // the configuration has no process
    // Pointers on the stack: the kernel bounds arguments and environment to a quarter of it anyway.
    size_t count = op.a + op.b + 3;
    if (count > 65536) return E2BIG;
    char** pointers = static_cast<char**>(alloca(count * sizeof(char*)));
    size_t n = 0;
    const char* string = plan.text(op.s1);
    for (uint64_t i = 0; i < op.a; ++i, string = next(string))
        pointers[n++] = const_cast<char*>(string);
    pointers[n++] = nullptr;
    char** environment = pointers + n;
    string = plan.text(op.s2);
    for (uint64_t i = 0; i < op.b; ++i, string = next(string))
        pointers[n++] = const_cast<char*>(string);
    if (*found_home() != 0) pointers[n++] = found_home();
    pointers[n] = nullptr;
    // Nothing but 0, 1 and 2 reaches the worker, and what it was meant to be handed.
    auto handed = static_cast<int>(op.c);
    const char* missing = plan.text(op.s4);
    for (int i = 0; i < handed; ++i) {
        if (has_bit(missing, i))
            close(3 + i);
        else if (dup2(PlanView::slot(op.fd + i), 3 + i) < 0)
            return errno;
    }
    // The container's filter may forbid it: everything is close-on-exec already (run_child).
    (void)close_range(3 + static_cast<unsigned>(handed), ~0u, kCloseRangeCloexec);
    mark(plan, Moment::exec);
    const char* program = plan.text(op.s3);
    return search_and_execute(*program != 0 ? program : pointers[0], pointers, environment);
}

}  // namespace crank::shim
