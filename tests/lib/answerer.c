// A worker for tests: HTTP/1.1 with kept connections, a thread each. Answers with $VERSION; /slow/N
// takes N seconds, /who names the client as the gateway tells of it. SIGTERM ends it at once,
// whatever is under way. $DELAY: seconds before it listens; $MUTE: so long after that it takes
// connections, and answers none, as while there is a file /mute; $LISTEN and $PORT: its address
// (0.0.0.0) and port (8000); $FAIL: it ends; $STATUS: of its answers.
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char* variable(const char* name, const char* otherwise) {
    const char* value = getenv(name);
    return value != NULL && *value != 0 ? value : otherwise;
}

static void pause_for(double seconds) {
    struct timespec time = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

static struct timespec answers_from;

static void wait_mute(void) {
    while (access("/mute", F_OK) == 0) pause_for(0.1);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &answers_from, NULL) != 0);
}

static void answer(int fd, const char* head) {
    char body[512], reply[1024];
    wait_mute();
    if (strncmp(head, "GET /slow/", 10) == 0) pause_for(atof(head + 10));
    const char* who = strstr(head, "X-Forwarded-For: ");
    if (strncmp(head, "GET /who", 8) == 0 && who != NULL)
        snprintf(body, sizeof body, "%.*s\n", (int)strcspn(who + 17, "\r"), who + 17);
    else
        snprintf(body, sizeof body, "%s\n", variable("VERSION", "none"));
    int size = snprintf(reply, sizeof reply, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s",
                        variable("STATUS", "200 OK"), strlen(body), body);
    if (write(fd, reply, (size_t)size) != size) pthread_exit(NULL);
}

static void* serve(void* argument) {
    int fd = (int)(long)argument;
    char head[8192];
    size_t have = 0;
    while (have < sizeof head - 1) {
        ssize_t n = read(fd, head + have, sizeof head - 1 - have);
        if (n <= 0) break;
        have += (size_t)n;
        head[have] = 0;
        char* end;
        while ((end = strstr(head, "\r\n\r\n")) != NULL) {
            answer(fd, head);
            have -= (size_t)(end + 4 - head);
            memmove(head, end + 4, have + 1);
        }
    }
    close(fd);
    return NULL;
}

static void stop(int signal) {
    (void)signal;
    _exit(0);
}

int main(void) {
    // PID 1 has no default actions.
    signal(15, stop);
    pause_for(atof(variable("DELAY", "0")));
    if (*variable("FAIL", "") != 0) return 3;
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(variable("PORT", "8000")))};
    inet_aton(variable("LISTEN", "0.0.0.0"), &at.sin_addr);
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr*)&at, sizeof at) != 0 || listen(listener, 512) != 0)
        return 4;
    clock_gettime(CLOCK_MONOTONIC, &answers_from);
    answers_from.tv_sec += atoi(variable("MUTE", "0"));
    printf("listening\n");
    fflush(stdout);
    while (1) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) continue;
        if (pthread_create(&thread, NULL, serve, (void*)(long)fd) == 0) pthread_detach(thread);
    }
}
