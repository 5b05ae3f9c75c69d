// echo-cpp: a worker in one static file. `echo-cpp` serves, `echo-cpp --probe` asks it for /health.
// PORT says where (default 8080).
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "server.h"

namespace {

constexpr std::uint16_t kDefaultPort = 8080;

// 0: not a port.
std::uint16_t parse_port(std::string_view text) {
    unsigned value = 0;
    for (char c : text) {
        if (c < '0' || c > '9') return 0;
        value = value * 10 + static_cast<unsigned>(c - '0');
        if (value > 65535) return 0;
    }
    return static_cast<std::uint16_t>(value);
}

}  // namespace

int main(int argc, char** argv) {
    const char* text = std::getenv("PORT");
    const bool given = text != nullptr && *text != '\0';
    const std::uint16_t port = given ? parse_port(text) : kDefaultPort;
    if (port == 0) {
        std::fprintf(stderr, "echo-cpp: PORT is not a port: %s\n", text);
        return 2;
    }
    if (argc == 1) return echo::serve(port);
    if (argc == 2 && std::string_view(argv[1]) == "--probe") return echo::probe(port);
    std::fprintf(stderr, "usage: echo-cpp [--probe]\n");
    return 2;
}
