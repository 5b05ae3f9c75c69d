/* Waits for ever: what a container is when only its monitor is measured. */
#include <signal.h>
#include <unistd.h>

static void leave(int signal) { _exit(128 + signal); }

int main(void) {
    signal(SIGTERM, leave);
    for (;;) pause();
}
