/* A worker and its client for tests/spec/network.bats: a static program, alone in an image made
 * FROM scratch, and the same on the host's side.
 *
 *   netprobe devices          a line per network device that is up: its name, its addresses
 *   netprobe serve IP PORT    prints "ready", then each caller's address; answers "hello"
 *   netprobe fetch IP|NAME PORT    prints the answer
 *   netprobe lookup NAME      the name's addresses, IPv4 first, a line each
 *   netprobe back IP          the address's name
 *   netprobe udp-serve IP PORT     prints "ready", then what it gets; sends it back
 *   netprobe udp-fetch IP PORT     prints what comes back for "hello"
 *   netprobe names IP PORT    a name server: prints "ready", then each name that it is asked for;
 *                             every name has the address 198.51.100.7
 *
 * Exit status: 1 with the name of the error on standard error, 2 for a wrong command line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
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

/* By getaddrinfo, as programs do. */
static socklen_t find(const char* name, const char* port, struct sockaddr_storage* out) {
    socklen_t size = parse(name, port, out);
    struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM};
    if (size != 0) return size;
    int error = getaddrinfo(name, port, &hints, &found);
    if (error != 0) {
        fprintf(stderr, "netprobe: %s: %s\n", name, gai_strerror(error));
        return 0;
    }
    size = found->ai_addrlen;
    memcpy(out, found->ai_addr, size);
    freeaddrinfo(found);
    return size;
}

static int lookup(const char* name) {
    struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM};
    int error = getaddrinfo(name, NULL, &hints, &found);
    if (error != 0) {
        fprintf(stderr, "netprobe: %s: %s\n", name, gai_strerror(error));
        return 1;
    }
    const int families[] = {AF_INET, AF_INET6};
    for (int i = 0; i < 2; ++i)
        for (struct addrinfo* one = found; one != NULL; one = one->ai_next) {
            if (one->ai_family != families[i]) continue;
            print_address(one->ai_addr);
            putchar('\n');
        }
    freeaddrinfo(found);
    return 0;
}

static int back(const char* ip) {
    struct sockaddr_storage address;
    char name[256];
    socklen_t size = parse(ip, "0", &address);
    int error = size == 0 ? EAI_NONAME
                          : getnameinfo((struct sockaddr*)&address, size, name, sizeof name, NULL,
                                        0, NI_NAMEREQD);
    if (error != 0) {
        fprintf(stderr, "netprobe: %s: %s\n", ip, gai_strerror(error));
        return 1;
    }
    puts(name);
    return 0;
}

static int datagram_socket(const char* ip, const char* port) {
    struct sockaddr_storage address;
    socklen_t size = parse(ip, port, &address);
    int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr*)&address, size) != 0) return -1;
    puts("ready");
    fflush(stdout);
    return fd;
}

static int udp_serve(const char* ip, const char* port) {
    int fd = datagram_socket(ip, port);
    if (fd < 0) return failed("bind");
    for (;;) {
        char text[65536];
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        ssize_t count = recvfrom(fd, text, sizeof text, 0, (struct sockaddr*)&from, &size);
        if (count < 0) return failed("recvfrom");
        printf("%.*s\n", (int)count, text);
        fflush(stdout);
        sendto(fd, text, (size_t)count, 0, (struct sockaddr*)&from, size);
    }
}

static int udp_fetch(const char* ip, const char* port) {
    struct sockaddr_storage address;
    socklen_t size = parse(ip, port, &address);
    const struct timeval limit = {2, 0};
    char answer[64];
    int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return failed("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    /* connected: an answer from another address is not seen */
    if (connect(fd, (struct sockaddr*)&address, size) != 0) return failed("connect");
    if (send(fd, "hello\n", 6, 0) != 6) return failed("send");
    ssize_t count = recv(fd, answer, sizeof answer, 0);
    if (count < 0) return failed("recv");
    fwrite(answer, 1, (size_t)count, stdout);
    return 0;
}

static int names(const char* ip, const char* port) {
    const unsigned char record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 198, 51, 100, 7};
    int fd = datagram_socket(ip, port);
    if (fd < 0) return failed("bind");
    for (;;) {
        unsigned char packet[512 + sizeof record];
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        ssize_t count = recvfrom(fd, packet, 512, 0, (struct sockaddr*)&from, &size);
        if (count < 17) continue;
        ssize_t end = 12;
        while (end < count && packet[end] != 0) {
            if (end != 12) putchar('.');
            for (int i = 1; i <= packet[end] && end + i < count; ++i) putchar(packet[end + i]);
            end += packet[end] + 1;
        }
        putchar('\n');
        fflush(stdout);
        end += 5;
        int is_a = end <= count && packet[end - 3] == 1;
        packet[2] |= 0x80;
        packet[7] = (unsigned char)is_a;
        packet[10] = packet[11] = 0;
        if (is_a) memcpy(packet + end, record, sizeof record);
        sendto(fd, packet, (size_t)end + (is_a ? sizeof record : 0), 0, (struct sockaddr*)&from,
               size);
    }
}

static int fetch(const char* ip, const char* port) {
    struct sockaddr_storage address;
    socklen_t size = find(ip, port, &address);
    if (size == 0) return 1;
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
    if (count == 3 && strcmp(arguments[1], "lookup") == 0) return lookup(arguments[2]);
    if (count == 3 && strcmp(arguments[1], "back") == 0) return back(arguments[2]);
    if (count == 4 && strcmp(arguments[1], "fetch") == 0) return fetch(arguments[2], arguments[3]);
    if (count == 4) {
        struct sockaddr_storage ignored;
        if (parse(arguments[2], arguments[3], &ignored) == 0) {
            fprintf(stderr, "netprobe: '%s' is no IP address\n", arguments[2]);
            return 2;
        }
        if (strcmp(arguments[1], "serve") == 0) return serve(arguments[2], arguments[3]);
        if (strcmp(arguments[1], "udp-serve") == 0) return udp_serve(arguments[2], arguments[3]);
        if (strcmp(arguments[1], "udp-fetch") == 0) return udp_fetch(arguments[2], arguments[3]);
        if (strcmp(arguments[1], "names") == 0) return names(arguments[2], arguments[3]);
    }
    fputs(
        "usage: netprobe devices | serve IP PORT | fetch IP|NAME PORT | lookup NAME | back IP\n"
        "       | udp-serve IP PORT | udp-fetch IP PORT | names IP PORT\n",
        stderr);
    return 2;
}
