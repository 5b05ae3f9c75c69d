/* A worker and its client for tests/spec/network.bats: a static program, alone in an image made
 * FROM scratch, and the same on the host's side.
 *
 *   netprobe devices          a line per network device that is up: its name, its addresses
 *   netprobe serve IP PORT    prints "ready", then each caller's address; answers "hello"
 *   netprobe fetch IP PORT    prints the answer
 *
 * Exit status: 1 with the name of the error on standard error, 2 for a wrong command line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int failed(const char* what) {
    fprintf(stderr, "netprobe: %s: %s\n", what, strerror(errno));
    return 1;
}

static socklen_t parse(const char* ip, const char* port, struct sockaddr_storage* out) {
    struct sockaddr_in* v4 = (struct sockaddr_in*)out;
    struct sockaddr_in6* v6 = (struct sockaddr_in6*)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((unsigned short)atoi(port));
        return sizeof *v4;
    }
    if (inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((unsigned short)atoi(port));
        return sizeof *v6;
    }
    return 0;
}

static void print_address(const struct sockaddr* address) {
    char text[INET6_ADDRSTRLEN] = "?";
    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in*)address)->sin_addr, text, sizeof text);
    if (address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6*)address)->sin6_addr, text, sizeof text);
    fputs(text, stdout);
}

static int devices(void) {
    struct ifaddrs* list;
    if (getifaddrs(&list) != 0) return failed("getifaddrs");
    for (struct ifaddrs* device = list; device != NULL; device = device->ifa_next) {
        /* The entry of the link layer stands for the device itself. */
        if (device->ifa_addr == NULL || device->ifa_addr->sa_family != AF_PACKET) continue;
        if ((device->ifa_flags & IFF_UP) == 0) continue;
        fputs(device->ifa_name, stdout);
        for (struct ifaddrs* other = list; other != NULL; other = other->ifa_next) {
            if (other->ifa_addr == NULL || other->ifa_addr->sa_family == AF_PACKET) continue;
            if (strcmp(device->ifa_name, other->ifa_name) != 0) continue;
            putchar(' ');
            print_address(other->ifa_addr);
        }
        putchar('\n');
    }
    freeifaddrs(list);
    return 0;
}

static int serve(const char* ip, const char* port) {
    struct sockaddr_storage address;
    socklen_t size = parse(ip, port, &address);
    const int on = 1;
    int listener = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0) return failed("socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr*)&address, size) != 0) return failed("bind");
    if (listen(listener, 64) != 0) return failed("listen");
    puts("ready");
    fflush(stdout);
    for (;;) {
        size = sizeof address;
        int client = accept(listener, (struct sockaddr*)&address, &size);
        if (client < 0) return failed("accept");
        print_address((struct sockaddr*)&address);
        putchar('\n');
        fflush(stdout);
        send(client, "hello\n", 6, MSG_NOSIGNAL);
        close(client);
    }
}

static int fetch(const char* ip, const char* port) {
    struct sockaddr_storage address;
    socklen_t size = parse(ip, port, &address);
    const struct timeval limit = {5, 0};
    char answer[64];
    int server = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server < 0) return failed("socket");
    setsockopt(server, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(server, (struct sockaddr*)&address, size) != 0) return failed("connect");
    ssize_t count = recv(server, answer, sizeof answer, MSG_WAITALL);
    if (count < 0) return failed("recv");
    if (count == 0) {
        fputs("netprobe: recv: closed without an answer\n", stderr);
        return 1;
    }
    fwrite(answer, 1, (size_t)count, stdout);
    return 0;
}

int main(int count, char** arguments) {
    if (count == 2 && strcmp(arguments[1], "devices") == 0) return devices();
    if (count == 4) {
        struct sockaddr_storage ignored;
        if (parse(arguments[2], arguments[3], &ignored) == 0) {
            fprintf(stderr, "netprobe: '%s' is no IP address\n", arguments[2]);
            return 2;
        }
        if (strcmp(arguments[1], "serve") == 0) return serve(arguments[2], arguments[3]);
        if (strcmp(arguments[1], "fetch") == 0) return fetch(arguments[2], arguments[3]);
    }
    fputs("usage: netprobe devices | serve IP PORT | fetch IP PORT\n", stderr);
    return 2;
}
