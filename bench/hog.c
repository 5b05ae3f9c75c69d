/* A worker that harms its neighbours as hard as its limits let it, until it is killed.
 *
 *   hog spin      computes
 *   hog memory    takes memory until it is killed for it
 *   hog forks     starts processes that never end; at its limit it waits and tries again, as a
 *                 shell does
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void spin(void) {
    for (volatile unsigned long n = 0;; ++n) continue;
}

static void take_memory(void) {
    const size_t step = 1 << 20;
    for (;;) {
        char* p = malloc(step);
        if (p) memset(p, 1, step);
    }
}

static void fork_without_end(void) {
    for (;;) {
        pid_t pid = fork();
        if (pid == 0)
            for (;;) pause();
        if (pid < 0) usleep(100 * 1000);
    }
}

int main(int argc, char** argv) {
    const char* what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "spin") == 0) spin();
    if (strcmp(what, "memory") == 0) take_memory();
    if (strcmp(what, "forks") == 0) fork_without_end();
    return 2;
}
