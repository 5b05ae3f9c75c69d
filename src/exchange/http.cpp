#include "exchange/http.h"

#include <cstring>

#include "base/text.h"

namespace crank::exchange {

namespace {

std::optional<std::int64_t> parse_chunk_size(std::string_view text) {
    text = trim(text.substr(0, text.find(';')));
    if (text.empty() || text.size() > 15) return std::nullopt;
    std::int64_t size = 0;
    for (char c : to_lower(text)) {
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return std::nullopt;
        size = size * 16 + digit;
    }
    return size;
}

}  // namespace

Result<std::unique_ptr<HttpAnswer>> HttpAnswer::begin(std::unique_ptr<store::ByteSource> connection,
                                                      std::string name) {
    std::unique_ptr<HttpAnswer> answer(new HttpAnswer(std::move(connection), std::move(name)));
    TRY(answer->head());
    return answer;
}

std::unexpected<Error> HttpAnswer::corrupt(const std::string& what) const {
    return fail(Code::corrupt, "the answer of " + name_ + " " + what);
}

// false: the connection is at its end.
Result<bool> HttpAnswer::fill() {
    at_ = 0;
    end_ = TRY(connection_->read(buffer_));
    return end_ > 0;
}

Result<std::string> HttpAnswer::line() {
    std::string out;
    while (true) {
        if (at_ == end_ && !TRY(fill())) return corrupt("breaks off");
        char c = static_cast<char>(buffer_[at_++]);
        if (c == '\n') break;
        if (head_left_-- == 0) return corrupt("has a head of more than 64 KiB");
        out += c;
    }
    if (out.ends_with('\r')) out.pop_back();
    return out;
}

Result<> HttpAnswer::head() {
    std::string first = TRY(line());
    auto status = first.size() >= 12 && first.starts_with("HTTP/1.") ? parse_int(first.substr(9, 3))
                                                                     : std::nullopt;
    if (!status || *status < 100 || *status > 599) return corrupt("is no HTTP");
    status_ = static_cast<int>(*status);
    for (std::string text = TRY(line()); !text.empty(); text = TRY(line())) TRY(header(text));
    // Where both stand there, two readers could see two answers.
    if (chunked_ && length_) return corrupt("has two lengths");
    if (!chunked_ && !length_) return corrupt("has no length");
    left_ = length_.value_or(0);
    return {};
}

Result<> HttpAnswer::header(const std::string& text) {
    std::size_t colon = text.find(':');
    if (colon == std::string::npos) return corrupt("has a header without ':'");
    std::string name = to_lower(text.substr(0, colon));
    std::string value(trim(std::string_view(text).substr(colon + 1)));
    if (name == "transfer-encoding") {
        if (to_lower(value) != "chunked" || chunked_) return corrupt("is encoded as " + value);
        chunked_ = true;
    } else if (name == "content-length") {
        auto length = parse_int(value);
        if (!length || *length < 0 || length_) return corrupt("has the length " + value);
        length_ = length;
    }
    return {};
}

Result<> HttpAnswer::next_chunk() {
    head_left_ = buffer_.size();
    if (!first_chunk_ && !TRY(line()).empty()) return corrupt("has a chunk of another size");
    first_chunk_ = false;
    auto size = parse_chunk_size(TRY(line()));
    if (!size) return corrupt("has a chunk of no size");
    left_ = *size;
    if (left_ > 0) return {};
    while (!TRY(line()).empty()) {  // trailers
    }
    ended_ = true;
    return {};
}

Result<std::size_t> HttpAnswer::read(std::span<std::uint8_t> out) {
    if (left_ == 0 && chunked_ && !ended_) TRY(next_chunk());
    if (left_ == 0 || out.empty()) return 0;
    if (at_ == end_ && !TRY(fill())) return corrupt("breaks off");
    std::size_t n = std::min({out.size(), end_ - at_, static_cast<std::size_t>(left_)});
    std::memcpy(out.data(), buffer_.data() + at_, n);
    at_ += n;
    left_ -= static_cast<std::int64_t>(n);
    return n;
}

}  // namespace crank::exchange
