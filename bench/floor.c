/* The floor: what no container start can do without, and nothing else.
 *
 *   floor [--net] [--v2] ROOTFS SCRATCH PROGRAM
 *
 * clone3 with mount, pid, ipc, uts and cgroup namespaces (--net: a network namespace too), a cgroup
 * with limits that the child enters by itself (v1: the single-threaded child writes 0 to its tasks
 * files; --v2: CLONE_INTO_CGROUP), an overlay mount, proc, pivot_root, exec of a static program.
 * Then it reaps the program and removes what it made. Every figure of crank is a multiple of this.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char* const kControllers[] = {"cpu",     "cpuacct", "cpuset", "memory",
                                           "devices", "freezer", "blkio",  "pids"};
enum { kControllerCount = sizeof kControllers / sizeof kControllers[0], kPath = 512 };

static struct {
    int net, v2;
    const char *rootfs, *scratch, *program;
    char name[64];
    int tasks[kControllerCount];
} floor_;

static void die(const char* what) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(125);
}

static void write_text(const char* path, const char* text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) die(path);
    close(fd);
}

static void copy_text(const char* from, const char* to) {
    char text[kPath];
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (size < 0) die(from);
    close(fd);
    text[size] = 0;
    write_text(to, text);
}

static void set_v1_limits(const char* controller, const char* dir) {
    char from[kPath], to[kPath];
    if (strcmp(controller, "memory") == 0) {
        snprintf(to, sizeof to, "%s/memory.limit_in_bytes", dir);
        write_text(to, "268435456");
    } else if (strcmp(controller, "pids") == 0) {
        snprintf(to, sizeof to, "%s/pids.max", dir);
        write_text(to, "512");
    } else if (strcmp(controller, "cpu") == 0) {
        snprintf(to, sizeof to, "%s/cpu.cfs_quota_us", dir);
        write_text(to, "100000");
    } else if (strcmp(controller, "cpuset") == 0) {
        /* an empty cpuset takes no task */
        snprintf(to, sizeof to, "%s/cpuset.cpus", dir);
        copy_text("/sys/fs/cgroup/cpuset/cpuset.cpus", to);
        snprintf(from, sizeof from, "/sys/fs/cgroup/cpuset/cpuset.mems");
        snprintf(to, sizeof to, "%s/cpuset.mems", dir);
        copy_text(from, to);
    }
}

static void make_v1_cgroups(void) {
    for (int i = 0; i < kControllerCount; ++i) {
        char dir[kPath], tasks[kPath + 8];
        snprintf(dir, sizeof dir, "/sys/fs/cgroup/%s/%s", kControllers[i], floor_.name);
        if (mkdir(dir, 0755) != 0) die(dir);
        set_v1_limits(kControllers[i], dir);
        snprintf(tasks, sizeof tasks, "%s/tasks", dir);
        floor_.tasks[i] = open(tasks, O_WRONLY | O_CLOEXEC);
        if (floor_.tasks[i] < 0) die(tasks);
    }
}

static int make_v2_cgroup(void) {
    char dir[kPath], file[kPath + 16];
    snprintf(dir, sizeof dir, "/sys/fs/cgroup/%s", floor_.name);
    if (mkdir(dir, 0755) != 0) die(dir);
    snprintf(file, sizeof file, "%s/memory.max", dir);
    write_text(file, "268435456");
    snprintf(file, sizeof file, "%s/pids.max", dir);
    write_text(file, "512");
    snprintf(file, sizeof file, "%s/cpu.max", dir);
    write_text(file, "100000 100000");
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) die(dir);
    return fd;
}

static void remove_cgroups(void) {
    char dir[kPath];
    for (int i = 0; i < kControllerCount && !floor_.v2; ++i) {
        snprintf(dir, sizeof dir, "/sys/fs/cgroup/%s/%s", kControllers[i], floor_.name);
        rmdir(dir);
    }
    snprintf(dir, sizeof dir, "/sys/fs/cgroup/%s", floor_.name);
    if (floor_.v2) rmdir(dir);
}

/* SCRATCH/NAME with upper, work and merged below it. */
static void scratch_path(char* out, const char* leaf) {
    snprintf(out, kPath, "%s/%s%s", floor_.scratch, floor_.name, leaf);
}

static void make_scratch(void) {
    static const char* const kLeaves[] = {"", "/upper", "/work", "/merged"};
    char path[kPath];
    for (int i = 0; i < 4; ++i) {
        scratch_path(path, kLeaves[i]);
        if (mkdir(path, 0755) != 0) die(path);
    }
}

static void remove_scratch(void) {
    /* overlay leaves work/work (and work/incompat beside a volatile mount) */
    static const char* const kLeaves[] = {"/work/incompat/volatile/dirty",
                                          "/work/incompat/volatile",
                                          "/work/incompat",
                                          "/work/work",
                                          "/work",
                                          "/upper",
                                          "/merged",
                                          ""};
    char path[kPath];
    for (int i = 0; i < (int)(sizeof kLeaves / sizeof kLeaves[0]); ++i) {
        scratch_path(path, kLeaves[i]);
        if (rmdir(path) != 0) unlink(path);
    }
}

static void mount_root(void) {
    char upper[kPath], work[kPath], merged[kPath], options[4 * kPath];
    scratch_path(upper, "/upper");
    scratch_path(work, "/work");
    scratch_path(merged, "/merged");
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s", floor_.rootfs, upper,
             work);
    if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) die("make the mounts private");
    if (mount("overlay", merged, "overlay", 0, options) != 0) die("mount overlay");
    if (chdir(merged) != 0) die(merged);
    if (mkdir("proc", 0755) != 0 && errno != EEXIST) die("mkdir proc");
    if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) die("proc");
    if (syscall(SYS_pivot_root, ".", ".") != 0) die("pivot_root");
    if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) die("leave the old root");
}

static void child(void) {
    for (int i = 0; i < kControllerCount && !floor_.v2; ++i)
        if (write(floor_.tasks[i], "0", 1) != 1) die("enter a cgroup");
    /* on v1 the namespace comes after the cgroups, so that it is rooted in them */
    if (!floor_.v2 && unshare(CLONE_NEWCGROUP) != 0) die("cgroup namespace");
    if (sethostname("floor", 5) != 0) die("sethostname");
    mount_root();
    char* const argv[] = {(char*)floor_.program, NULL};
    char* const envp[] = {NULL};
    execve(floor_.program, argv, envp);
    die(floor_.program);
}

static pid_t start(void) {
    struct clone_args args = {0};
    args.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
    if (floor_.net) args.flags |= CLONE_NEWNET;
    args.exit_signal = SIGCHLD;
    if (floor_.v2) {
        args.flags |= CLONE_NEWCGROUP | CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)make_v2_cgroup();
    } else {
        make_v1_cgroups();
    }
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0) die("clone3");
    if (pid == 0) child();
    return pid;
}

int main(int argc, char** argv) {
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; ++at) {
        if (strcmp(argv[at], "--net") == 0) floor_.net = 1;
        if (strcmp(argv[at], "--v2") == 0) floor_.v2 = 1;
    }
    if (argc - at != 3) {
        fputs("usage: floor [--net] [--v2] ROOTFS SCRATCH PROGRAM\n", stderr);
        return 2;
    }
    floor_.rootfs = argv[at];
    floor_.scratch = argv[at + 1];
    floor_.program = argv[at + 2];
    snprintf(floor_.name, sizeof floor_.name, "crank-floor-%d", getpid());
    make_scratch();
    pid_t pid = start();
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    remove_cgroups();
    remove_scratch();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
