/* Sends requests at a fixed rate over one kept connection and prints the latencies' percentiles.
 *
 *   latency PORT PATH RATE SECONDS  ->  "p50 p99 max", microseconds
 *
 * A latency counts from the moment at which the request was due, so that an answer that comes late
 * counts for the requests that waited behind it too.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void sleep_until_us(double until) {
    struct timespec t = {(time_t)(until / 1e6), 0};
    t.tv_nsec = (long)((until - t.tv_sec * 1e6) * 1e3);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static int connect_to(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connect(fd, (struct sockaddr*)&address, sizeof address) == 0 ? fd : -1;
}

/* One answer: a head with Content-Length, and as many bytes. */
static int read_answer(int fd) {
    static char text[65536];
    size_t size = 0;
    for (;;) {
        ssize_t n = recv(fd, text + size, sizeof text - 1 - size, 0);
        if (n <= 0) return -1;
        size += (size_t)n;
        text[size] = 0;
        char* body = strstr(text, "\r\n\r\n");
        if (!body) continue;
        char* length = strcasestr(text, "\r\nContent-Length:");
        if (!length) return -1;
        size_t whole = (size_t)(body + 4 - text) + strtoul(length + 17, NULL, 10);
        if (size >= whole) return strncmp(text, "HTTP/1.1 200", 12) == 0 ? 0 : -1;
    }
}

static int by_value(const void* a, const void* b) {
    double x = *(const double*)a, y = *(const double*)b;
    return (x > y) - (x < y);
}

/* Raw: musl's sched_setscheduler() answers ENOSYS. */
static void become_real_time(void) {
    struct sched_param first = {.sched_priority = 1};
    if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &first) != 0)
        fputs("latency: not real-time, so the client's own waits count too\n", stderr);
}

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    become_real_time();
    const double rate = atof(argv[3]), seconds = atof(argv[4]);
    const size_t count = (size_t)(rate * seconds);
    double* taken = calloc(count, sizeof *taken);
    char request[512];
    int size =
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", argv[2]);
    int fd = connect_to(atoi(argv[1]));
    if (fd < 0 || !taken || count == 0) return 1;
    const double begin = now_us() + 1000;
    for (size_t i = 0; i < count; ++i) {
        const double due = begin + (double)i * 1e6 / rate;
        sleep_until_us(due);
        if (send(fd, request, (size_t)size, MSG_NOSIGNAL) != size || read_answer(fd) != 0) return 1;
        taken[i] = now_us() - due;
    }
    qsort(taken, count, sizeof *taken, by_value);
    printf("%.0f %.0f %.0f\n", taken[count / 2], taken[count * 99 / 100], taken[count - 1]);
    return 0;
}
