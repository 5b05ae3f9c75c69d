// A worker that looks at its own cage: a static program without a C++ library, alone in an image
// made FROM scratch. Each command prints what it found; where the kernel refuses, the name of the
// errno. Exit status: 0, 1 where something was refused, 2 for a wrong command line.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

namespace {

const char* error_name(int number) {
    switch (number) {
        case 0: return "ok";
        case EPERM: return "EPERM";
        case ENOENT: return "ENOENT";
        case ENXIO: return "ENXIO";
        case EAGAIN: return "EAGAIN";
        case ENOMEM: return "ENOMEM";
        case EACCES: return "EACCES";
        case EBUSY: return "EBUSY";
        case EEXIST: return "EEXIST";
        case ENODEV: return "ENODEV";
        case ENOTDIR: return "ENOTDIR";
        case EISDIR: return "EISDIR";
        case EINVAL: return "EINVAL";
        case EIO: return "EIO";
        case ETXTBSY: return "ETXTBSY";
        case EROFS: return "EROFS";
        case ENOSYS: return "ENOSYS";
        case EAFNOSUPPORT: return "EAFNOSUPPORT";
        default: break;
    }
    static char text[24];
    snprintf(text, sizeof text, "errno %d", number);
    return text;
}

int report(long result) {
    puts(error_name(result == -1 ? errno : 0));
    return result == -1 ? 1 : 0;
}

int cat(int count, char** paths) {
    int status = 0;
    for (int i = 0; i < count; ++i) {
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        if (fd == -1) {
            status = report(-1);
            continue;
        }
        char buffer[4096];
        ssize_t got = 0;
        while ((got = read(fd, buffer, sizeof buffer)) > 0)
            fwrite(buffer, 1, static_cast<size_t>(got), stdout);
        if (got == -1) status = report(-1);
        close(fd);
    }
    return status;
}

// Calls `each` for every entry of a directory but "." and "..".
template <class Each>
int for_entries(const char* path, Each each) {
    DIR* directory = opendir(path);
    if (!directory) return report(-1);
    while (dirent* entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            each(dirfd(directory), entry->d_name);
    }
    closedir(directory);
    return 0;
}

int ls(const char* path) {
    return for_entries(path, [](int, const char* name) { puts(name); });
}

void print_node(const char* name, const struct stat& status) {
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
        printf("%s %c %u:%u\n", name, S_ISCHR(status.st_mode) ? 'c' : 'b', major(status.st_rdev),
               minor(status.st_rdev));
    else
        printf("%s %c\n", name,
               S_ISLNK(status.st_mode)   ? 'l'
               : S_ISDIR(status.st_mode) ? 'd'
                                         : 'f');
}

int nodes(const char* path) {
    return for_entries(path, [](int at, const char* name) {
        struct stat status;
        if (fstatat(at, name, &status, AT_SYMLINK_NOFOLLOW) == 0) print_node(name, status);
    });
}

// Every descriptor but standard input, output, error and the one used for looking.
int descriptors() {
    return for_entries("/proc/self/fd", [](int at, const char* name) {
        int fd = atoi(name);
        if (fd <= 2 || fd == at) return;
        char target[512] = "";
        if (readlinkat(at, name, target, sizeof target - 1) == -1) target[0] = '\0';
        printf("%d %s\n", fd, target);
    });
}

int links(int count, char** paths) {
    int status = 0;
    for (int i = 0; i < count; ++i) {
        char target[4096] = "";
        if (readlink(paths[i], target, sizeof target - 1) == -1)
            status = report(-1);
        else
            puts(target);
    }
    return status;
}

// Opens for writing without truncating: what a worker would do that wants to overwrite a program.
int open_for_writing(const char* path) { return report(open(path, O_WRONLY | O_CLOEXEC)); }

int write_text(const char* path, const char* text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd == -1) return report(-1);
    return report(write(fd, text, strlen(text)));
}

int block_node(const char* path, const char* number) {
    unsigned high = 0;
    unsigned low = 0;
    if (sscanf(number, "%u:%u", &high, &low) != 2) return 2;
    if (mknod(path, S_IFBLK | 0600, makedev(high, low)) == -1) return report(-1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int saved = errno;
    unlink(path);
    errno = saved;
    return report(fd);
}

// One line per attempt: what it is and what the kernel says.
int attempts() {
    auto attempt = [](const char* name, long result) {
        printf("%s %s\n", name, error_name(result == -1 ? errno : 0));
    };
    attempt("set-hostname", sethostname("x", 1));
    attempt("clone3", syscall(SYS_clone3, nullptr, 0));
    attempt("mount", mount("none", "/", nullptr, MS_REMOUNT | MS_BIND, nullptr));
    attempt("umount", umount2("/proc", MNT_DETACH));
    attempt("keyctl", syscall(SYS_keyctl, 0, -3, 0));
    attempt("bpf", syscall(SYS_bpf, 0, nullptr, 0));
    attempt("io-uring", syscall(425, 1, nullptr));
    attempt("init-module", syscall(SYS_init_module, nullptr, 0, ""));
    attempt("reboot", syscall(SYS_reboot, 0, 0, 0, nullptr));
    attempt("syslog", syscall(SYS_syslog, 3, nullptr, 0));
    attempt("vsock", syscall(SYS_socket, 40, 1, 0));
    attempt("setns", syscall(SYS_setns, 0, 0));
    attempt("open-by-handle", syscall(SYS_open_by_handle_at, 0, nullptr, 0));
    // Last, because they change what the others would be told.
    attempt("unshare-mount", syscall(SYS_unshare, 0x00020000));
    attempt("unshare-user", syscall(SYS_unshare, 0x10000000));
    return 0;
}

double seconds(const timespec& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

// Spins in two processes, so that a quota for one CPU would show too; prints the share of a core.
int spin(double duration) {
    timespec begin;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    pid_t second = fork();
    for (timespec now = begin; seconds(now) - seconds(begin) < duration;)
        clock_gettime(CLOCK_MONOTONIC, &now);
    if (second == 0) _exit(0);
    int status = 0;
    rusage own;
    rusage child;
    timespec end;
    waitpid(second, &status, 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &child);
    auto used = [](const rusage& u) {
        return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
               static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
    };
    printf("share %.3f\n", (used(own) + used(child)) / (seconds(end) - seconds(begin)));
    return 0;
}

int hog(unsigned long mebibytes) {
    for (unsigned long i = 0; i < mebibytes; ++i) {
        void* piece =
            mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (piece == MAP_FAILED) return report(-1);
        memset(piece, 1, 1 << 20);
    }
    printf("took %lu MiB\n", mebibytes);
    return 0;
}

// Forks sleepers until refused or `most` are there; prints how many and why it stopped.
int forks(int most) {
    auto* children = static_cast<pid_t*>(calloc(static_cast<size_t>(most), sizeof(pid_t)));
    if (!children) return report(-1);
    int made = 0;
    int error = 0;
    while (made < most) {
        pid_t child = fork();
        if (child == 0) {
            pause();
            _exit(0);
        }
        if (child == -1) {
            error = errno;
            break;
        }
        children[made++] = child;
    }
    printf("%d %s\n", made, error_name(error));
    for (int i = 0; i < made; ++i) kill(children[i], SIGKILL);
    return error == 0 ? 0 : 1;
}

int hostname() {
    utsname name;
    if (uname(&name) == -1) return report(-1);
    puts(name.nodename);
    return 0;
}

int environment() {
    for (char** entry = environ; *entry; ++entry) puts(*entry);
    return 0;
}

int usage() {
    fputs("usage: probe COMMAND [ARGUMENT]...\n", stderr);
    return 2;
}

int run(const char* command, int count, char** arguments) {
    auto is = [command, count](const char* name, int needed) {
        return strcmp(command, name) == 0 && count >= needed;
    };
    if (is("cat", 1)) return cat(count, arguments);
    if (is("ls", 1)) return ls(arguments[0]);
    if (is("nodes", 1)) return nodes(arguments[0]);
    if (is("descriptors", 0)) return descriptors();
    if (is("links", 1)) return links(count, arguments);
    if (is("open-for-writing", 1)) return open_for_writing(arguments[0]);
    if (is("write", 2)) return write_text(arguments[0], arguments[1]);
    if (is("block-node", 2)) return block_node(arguments[0], arguments[1]);
    if (is("attempts", 0)) return attempts();
    if (is("spin", 1)) return spin(atof(arguments[0]));
    if (is("hog", 1)) return hog(strtoul(arguments[0], nullptr, 10));
    if (is("forks", 1)) return forks(atoi(arguments[0]));
    if (is("hostname", 0)) return hostname();
    if (is("environment", 0)) return environment();
    if (is("sleep", 1)) return static_cast<int>(sleep(static_cast<unsigned>(atoi(arguments[0]))));
    return usage();
}

// Whether this is the image's /probe: some commands would harm a host. (Not by /proc/self/exe: a
// hostile image may have left no /proc.)
bool caged() { return access("/probe", X_OK) == 0 && access("/usr/bin/env", F_OK) != 0; }

}  // namespace

// Several commands in one start: probe ls / , cat /proc/self/status
int main(int count, char** arguments) {
    if (!caged()) {
        fputs("probe: only for a container whose program is /probe\n", stderr);
        return 2;
    }
    int status = 0;
    int first = 1;
    for (int i = 1; i <= count; ++i) {
        if (i < count && strcmp(arguments[i], ",") != 0) continue;
        if (i == first) return usage();
        int result = run(arguments[first], i - first - 1, arguments + first + 1);
        if (result > status) status = result;
        first = i + 1;
    }
    fflush(stdout);
    return status;
}
