// Whether a connection speaks HTTP/1, from its first bytes. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace crank::gateway {

enum class Protocol : std::uint8_t { automatic, http, tcp };
enum class Sniffed : std::uint8_t {
    more,  // both are possible so far
    http,  // a request line of HTTP/1
    raw,   // anything else: a TLS hello, HTTP/2's preface, another protocol
};
Sniffed sniff(std::string_view bytes);

}  // namespace crank::gateway
