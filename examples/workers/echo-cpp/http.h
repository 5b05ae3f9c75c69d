// The head of an HTTP/1.1 request, as much of it as an echo needs. Allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace echo {

inline constexpr std::size_t kMaxHead = std::size_t{16} << 10;
inline constexpr std::size_t kMaxBody = std::size_t{8} << 20;

// What the texts point into is the buffer that was parsed.
struct Request {
    std::string_view method;
    std::string_view target;
    std::string_view content_type;
    std::size_t head_size = 0;  // up to and with the empty line
    std::size_t body_size = 0;
    bool keep_alive = true;
    bool expects_continue = false;
};

enum class ParseState : std::uint8_t { incomplete, complete, refused };

struct ParseResult {
    ParseState state = ParseState::incomplete;
    int status = 0;  // of the answer to a refused request: 400, 413, 417, 431, 501, 505
    Request request;
};

// Strict where leniency lets two servers read two requests differently (RFC 9112 section 11.2): a
// folded or nameless header line, blanks before a colon, two lengths, and every transfer coding are
// refused. `buffer` begins with the request and may go on beyond it.
ParseResult parse_request(std::string_view buffer);

}  // namespace echo
