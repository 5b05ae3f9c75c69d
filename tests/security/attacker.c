// A hostile worker for sandbox.bats: each command tries one thing and prints `ok`, or the name of
// the errno with which the kernel refused it. Each attack has a benign twin that must go on.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static int report(long result) {
    int number = result < 0 ? errno : 0;
    switch (number) {
        case 0: puts("ok"); break;
        case EPERM: puts("EPERM"); break;
        case EACCES: puts("EACCES"); break;
        case EROFS: puts("EROFS"); break;
        case ENOSYS: puts("ENOSYS"); break;
        case ENOENT: puts("ENOENT"); break;
        case EXDEV: puts("EXDEV"); break;
        default: printf("errno %d\n", number);
    }
    return number == 0 ? 0 : 1;
}

static long make_socket(int family, int type, int protocol) {
    return socket(family, type, protocol);
}

static long bind_tcp(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    return bind(fd, (struct sockaddr*)&address, sizeof address);
}

static long write_to(const char* path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    return fd < 0 ? -1 : write(fd, "x", 1);
}

static long overwrite(const char* path) {
    int fd = open(path, O_WRONLY);
    return fd < 0 ? -1 : write(fd, "x", 1);
}

static long trace_child(void) {
    pid_t child = fork();
    if (child == 0) pause(), _exit(0);
    long result = ptrace(PTRACE_ATTACH, child, 0, 0);
    int number = errno;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    errno = number;
    return result;
}

static int on_clone(void* unused) {
    (void)unused;
    return 0;
}

static long clone_with(int flags) {
    static char stack[65536];
    long pid = clone(on_clone, stack + sizeof stack, flags | SIGCHLD, NULL);
    if (pid > 0) waitpid((pid_t)pid, NULL, 0);
    return pid;
}

static long execute(const char* path) {
    pid_t child = fork();
    if (child == 0) {
        execl(path, path, "true", (char*)NULL);
        _exit(errno);
    }
    int status = 0;
    waitpid(child, &status, 0);
    errno = WEXITSTATUS(status);
    return errno == 0 ? 0 : -1;
}

static long copy_program(const char* to) {
    int from = open("/proc/self/exe", O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    if (from < 0 || out < 0) return -1;
    char buffer[65536];
    ssize_t n;
    while ((n = read(from, buffer, sizeof buffer)) > 0)
        if (write(out, buffer, (size_t)n) != n) return -1;
    close(out);
    return n;
}

// The 32-bit way into the kernel, whose numbers a 64-bit filter must not judge by.
static long int80(void) {
#if defined(__x86_64__)
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");  // getpid
    return result > 0 ? 0 : -1;
#else
    raise(SIGSYS);
    return -1;
#endif
}

static int run(const char* what, const char* argument) {
    long number = argument != NULL ? strtol(argument, NULL, 0) : 0;
    if (strcmp(what, "true") == 0) return 0;
    if (strcmp(what, "ptrace") == 0) return report(trace_child());
    if (strcmp(what, "fork") == 0) return report(clone_with(0));
    if (strcmp(what, "clone") == 0) return report(clone_with((int)number));
    if (strcmp(what, "unshare") == 0) return report(unshare((int)number));
    if (strcmp(what, "call") == 0) return report(syscall(number, 0, 0, 0, 0, 0, 0));
    if (strcmp(what, "inet") == 0) return report(make_socket(AF_INET, SOCK_STREAM, (int)number));
    if (strcmp(what, "unix") == 0) return report(make_socket(AF_UNIX, SOCK_STREAM, 0));
    if (strcmp(what, "netlink") == 0) return report(make_socket(AF_NETLINK, SOCK_RAW, (int)number));
    if (strcmp(what, "packet") == 0) return report(make_socket(AF_PACKET, SOCK_RAW, 0));
    if (strcmp(what, "raw") == 0) return report(make_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    if (strcmp(what, "bind") == 0) return report(bind_tcp((int)number));
    if (strcmp(what, "write") == 0) return report(write_to(argument));
    if (strcmp(what, "create") == 0) return report(open(argument, O_RDWR | O_CREAT, 0644));
    if (strcmp(what, "overwrite") == 0) return report(overwrite(argument));
    if (strcmp(what, "mkdir") == 0) return report(mkdir(argument, 0755));
    if (strcmp(what, "unlink") == 0) return report(unlink(argument));
    if (strcmp(what, "chown") == 0) return report(chown(argument, 12345, 12345));
    if (strcmp(what, "fifo") == 0) return report(mkfifo(argument, 0600));
    if (strcmp(what, "device") == 0) return report(mknod(argument, S_IFCHR | 0600, makedev(1, 3)));
    if (strcmp(what, "execute") == 0) return report(execute(argument));
    if (strcmp(what, "copy-and-execute") == 0) {
        if (copy_program(argument) < 0) return report(-1);
        return report(execute(argument));
    }
    if (strcmp(what, "read") == 0) return report(open(argument, O_RDONLY));
    if (strcmp(what, "jit") == 0)
        return report(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
                          ? -1
                          : 0);
    if (strcmp(what, "int80") == 0) return report(int80());
    fputs("usage: attacker COMMAND [ARGUMENT] [, COMMAND [ARGUMENT]]...\n", stderr);
    return 2;
}

int main(int count, char** arguments) {
    setvbuf(stdout, NULL, _IONBF, 0);
    int status = 0;
    for (int i = 1; i < count; ++i) {
        const char* what = arguments[i];
        int has = i + 1 < count && strcmp(arguments[i + 1], ",") != 0;
        int result = run(what, has ? arguments[i + 1] : NULL);
        if (result > status) status = result;
        i += has;
        if (i + 1 < count) ++i;  // the comma
    }
    return status;
}
