// What a server answers to a request for several ranges (RFC 9110, 15.3.7.2). Pure; hostile input.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "registry/chunked.h"

namespace crank::registry {

// Reads the body of a 206 as it comes. The parts have to be those that were asked for, in their
// order: a server may do otherwise, and is asked for one at a time then.
class ByteRanges {
public:
    using Bytes = std::span<const std::uint8_t>;
    using Sink = std::function<Result<>(Bytes)>;
    // `wanted`: at least one range, of a document of `size` bytes.
    ByteRanges(std::vector<BlobRange> wanted, std::int64_t size)
        : wanted_(std::move(wanted)), size_(size) {}

    // Before feed(), from the answer's headers. Errors: unsupported (there are no parts in it, or
    // not as many as were asked for), corrupt (another part).
    Result<> begin(std::string_view content_type, std::string_view content_range);
    // `sink` gets what was asked for alone. Errors: corrupt, the sink's.
    Result<> feed(Bytes bytes, const Sink& sink);

    bool is_complete() const { return next_ == wanted_.size(); }
    // What has not come.
    std::vector<BlobRange> missing() const;

private:
    bool is_next(std::string_view content_range) const;
    Result<> take_head();
    std::vector<BlobRange> wanted_;  // the first of those that are missing begins where it goes on
    std::int64_t size_;
    std::size_t next_ = 0;
    bool in_part_ = false, is_multipart_ = false;
    std::string head_;  // between two parts
};

}  // namespace crank::registry
