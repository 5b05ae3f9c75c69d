#include "sys/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace crank::sys {

Result<Endpoint> make_endpoint(const std::string& ip, std::uint16_t port) {
    Endpoint endpoint;
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET, ip.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        endpoint.size = sizeof v4;
        std::memcpy(&endpoint.storage, &v4, sizeof v4);
        return endpoint;
    }
    if (::inet_pton(AF_INET6, ip.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        endpoint.size = sizeof v6;
        std::memcpy(&endpoint.storage, &v6, sizeof v6);
        return endpoint;
    }
    return fail(Code::invalid_argument, "'" + ip + "' is no IP address");
}

std::string ip_text(const sockaddr_storage& storage) {
    sockaddr_in v4;
    sockaddr_in6 v6;
    std::memcpy(&v4, &storage, sizeof v4);
    std::memcpy(&v6, &storage, sizeof v6);
    char text[INET6_ADDRSTRLEN] = {};
    const void* address = &v4.sin_addr;
    int family = storage.ss_family;
    if (family == AF_INET6) {
        address = &v6.sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
            family = AF_INET;
            address = v6.sin6_addr.s6_addr + 12;
        }
    }
    ::inet_ntop(family, address, text, sizeof text);
    return text;
}

}  // namespace crank::sys
