// How long the body of a message is, and where it ends in the stream (RFC 9112 sections 6 and 7).
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/http_head.h"

namespace crank::gateway {

enum class BodyKind : std::uint8_t { none, length, chunked, until_close };
struct Framing {
    BodyKind kind = BodyKind::none;
    std::uint64_t length = 0;
};

// 400: what is smuggled with; 501: a transfer coding other than chunked.
Read<Framing> request_framing(const RequestHead& head);
// `to_head`: it answers a HEAD request. 502: what cannot be relied on.
Read<Framing> response_framing(const ResponseHead& head, bool to_head);

// Follows a body through the stream.
class BodyScanner {
public:
    BodyScanner() = default;
    explicit BodyScanner(Framing framing);

    // How many of these bytes, from the first, belong to the body; fewer than there are once it is
    // whole. `plain`, where given, is handed what they carry without chunks and trailers.
    // Refused: chunks or trailers that are malformed.
    Read<std::size_t> take(std::string_view bytes, std::string* plain = nullptr);
    bool is_whole() const { return step_ == Step::whole; }
    bool ends_with_stream() const { return step_ == Step::until_close; }
    // The other side has sent its last byte. False: the body is cut off.
    bool end_of_stream();

private:
    enum class Step : std::uint8_t {
        whole,
        until_close,
        length,
        size_first,
        size,
        extension,
        size_line_feed,
        data,
        data_return,
        data_line_feed,
        trailer,
        trailer_line_feed,
    };
    Read<> take_framing(char c);
    Read<> take_size(char c);
    Read<> take_trailer(char c);
    Read<> end_trailer_line();

    Step step_ = Step::whole;
    std::uint64_t left_ = 0;    // of the length, or of this chunk
    unsigned digits_ = 0;       // of a chunk's size
    std::size_t overhead_ = 0;  // bytes of extensions and trailers so far
    std::string line_;          // of the trailers
};

}  // namespace crank::gateway
