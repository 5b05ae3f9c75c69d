/* What a hostile process in a container does while crank works: a static program for the images of
 * identity.bats and races.bats.
 *
 *   racer exchange A B        exchanges two names for ever (renameat2, RENAME_EXCHANGE)
 *   racer watch FILE          for ever: opens what other processes hold, and their programs for
 *                             writing; what it got is a line of FILE, whose first is "watching"
 *   racer push-input          pushes a byte into the terminal that stands as descriptor 0
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

_Noreturn static void exchange(const char* a, const char* b) {
    for (;;) syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */);
}

static void look_at_descriptor(FILE* out, const char* path) {
    struct stat info;
    if (stat(path, &info) != 0) return;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return;
    char target[512];
    ssize_t n = readlink(path, target, sizeof target - 1);
    target[n < 0 ? 0 : n] = 0;
    fprintf(out, "opened %s -> %s\n", path, target);
    fflush(out);
    close(fd);
}

/* A program of the image may be written by the container's root; any other may not. */
static void look_at_program(FILE* out, const char* pid) {
    char path[600], target[512];
    snprintf(path, sizeof path, "/proc/%s/exe", pid);
    int exe = open(path, O_WRONLY | O_CLOEXEC);
    if (exe < 0) return;
    ssize_t n = readlink(path, target, sizeof target - 1);
    target[n < 0 ? 0 : n] = 0;
    struct stat held, named;
    if (n < 0 || fstat(exe, &held) != 0 || stat(target, &named) != 0 ||
        held.st_dev != named.st_dev || held.st_ino != named.st_ino) {
        fprintf(out, "may write %s -> %s\n", path, target);
        fflush(out);
    }
    close(exe);
}

static void look_at(FILE* out, const char* pid) {
    char path[600];
    look_at_program(out, pid);
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR* fds = opendir(path);
    if (!fds) return;
    for (struct dirent* entry; (entry = readdir(fds));) {
        if (atoi(entry->d_name) < 3) continue;
        char file[900];
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        look_at_descriptor(out, file);
    }
    closedir(fds);
}

static int watch(const char* result) {
    FILE* out = fopen(result, "we");
    if (!out) return 1;
    fputs("watching\n", out);
    fflush(out);
    for (;;) {
        DIR* all = opendir("/proc");
        if (!all) return 1;
        for (struct dirent* entry; (entry = readdir(all));)
            if (atoi(entry->d_name) > 1 && atoi(entry->d_name) != getpid())
                look_at(out, entry->d_name);
        closedir(all);
    }
}

/* The second is the first to a kernel, and something else to whoever compares all 64 bits
 * (CVE-2019-10063). */
static int push_input(void) {
    const unsigned long pushes[] = {TIOCSTI, 0x100000000UL | TIOCSTI, 0x541C /* TIOCLINUX */};
    int got = 0;
    for (size_t i = 0; i < sizeof pushes / sizeof *pushes; ++i) {
        char byte = i == 2 ? 3 : 'x';
        if (syscall(SYS_ioctl, 0, pushes[i], &byte) == 0) {
            printf("0x%lx done\n", pushes[i]);
            got = 1;
        } else {
            printf("0x%lx %s\n", pushes[i], strerror(errno));
        }
    }
    fflush(stdout);
    return got;
}

int main(int argc, char** argv) {
    if (argc == 4 && strcmp(argv[1], "exchange") == 0) exchange(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "watch") == 0) return watch(argv[2]);
    if (argc == 2 && strcmp(argv[1], "push-input") == 0) return push_input();
    fputs("usage: racer exchange A B | watch FILE | push-input\n", stderr);
    return 2;
}
