/* A worker that harms its neighbours as hard as its limits let it, until it is killed.
 *
 *   hog spin      computes
 *   hog memory    takes memory until it is killed for it, and starts again
 *   hog forks     starts processes that never end
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void spin(void) {
    for (volatile unsigned long n = 0;; ++n) continue;
}

static void take_memory(void) {
    const size_t step = 1 << 20;
    for (;;) {
        char *p = malloc(step);
        if (p) memset(p, 1, step);
    }
}

static void take_memory_again_and_again(void) {
    for (;;) {
        pid_t pid = fork();
        if (pid == 0) take_memory();
        if (pid > 0) waitpid(pid, NULL, 0);
    }
}

static void fork_without_end(void) {
    for (;;)
        if (fork() == 0)
            for (;;) pause();
}

int main(int argc, char **argv) {
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "spin") == 0) spin();
    if (strcmp(what, "memory") == 0) take_memory_again_and_again();
    if (strcmp(what, "forks") == 0) fork_without_end();
    return 2;
}
