#include "registry/byte_ranges.h"

#include <algorithm>

#include "base/text.h"

namespace crank::registry {

namespace {

constexpr std::size_t kMaxHead = 4096;  // bytes between two parts
constexpr std::string_view kEnd = "\r\n\r\n";

}  // namespace

Result<> ByteRanges::begin(std::string_view content_type, std::string_view content_range) {
    is_multipart_ = to_lower(content_type).starts_with("multipart/byteranges");
    head_.clear();
    in_part_ = !is_multipart_;
    if (is_multipart_) return {};
    if (wanted_.size() - next_ > 1)
        return fail(Code::unsupported, "the registry sends no several parts at once");
    if (!is_next(content_range))
        return fail(Code::corrupt, "the registry sent another part than was asked for");
    return {};
}

// "bytes 100-199/200"
bool ByteRanges::is_next(std::string_view content_range) const {
    if (is_complete()) return false;
    std::string wanted = "bytes " + std::to_string(wanted_[next_].begin) + "-" +
                         std::to_string(wanted_[next_].end - 1) + "/";
    return content_range == wanted + std::to_string(size_) || content_range == wanted + "*";
}

Result<> ByteRanges::feed(Bytes bytes, const Sink& sink) {
    while (!bytes.empty()) {
        if (!in_part_) {
            head_ += static_cast<char>(bytes.front());
            bytes = bytes.subspan(1);
            if (head_.size() > kMaxHead)
                return fail(Code::corrupt, "the registry sent something else between two parts");
            if (head_.ends_with(kEnd)) TRY(take_head());
            continue;
        }
        if (is_complete()) return fail(Code::corrupt, "the registry sent more than was asked for");
        BlobRange& part = wanted_[next_];
        std::size_t n = std::min(bytes.size(), static_cast<std::size_t>(part.size()));
        part.begin += static_cast<std::int64_t>(n);
        if (part.size() == 0) {
            ++next_;
            in_part_ = !is_multipart_;
        }
        TRY(sink(bytes.first(n)));
        bytes = bytes.subspan(n);
    }
    return {};
}

// "--boundary", headers and an empty line; in front of it the end of the last part's line.
Result<> ByteRanges::take_head() {
    std::string_view text = head_;
    if (text.starts_with("\r\n")) text.remove_prefix(2);
    bool is_boundary = text.starts_with("--"), found = false;
    for (const std::string& line : split(text, '\n')) {
        std::size_t colon = line.find(':');
        if (colon == std::string::npos || to_lower(line.substr(0, colon)) != "content-range")
            continue;
        if (found || !is_next(trim(std::string_view(line).substr(colon + 1))))
            return fail(Code::corrupt, "the registry sent another part than was asked for");
        found = true;
    }
    if (!is_boundary || !found)
        return fail(Code::corrupt, "the registry sent something else between two parts");
    head_.clear();
    in_part_ = true;
    return {};
}

std::vector<BlobRange> ByteRanges::missing() const {
    return {wanted_.begin() + static_cast<std::ptrdiff_t>(next_), wanted_.end()};
}

}  // namespace crank::registry
