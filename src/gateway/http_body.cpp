#include "gateway/http_body.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace crank::gateway {

namespace {

constexpr std::size_t kMaxOverhead = 64 * 1024;
constexpr unsigned kMaxDigits = 15;  // of a chunk's size: below 2^60

struct Announced {
    std::optional<std::uint64_t> length;
    bool chunked = false, coded = false;
};

Read<std::uint64_t> parse_length(std::string_view text) {
    if (text.empty()) return refuse(400, "Content-Length is no number (RFC 9112 section 6.3)");
    std::uint64_t value = 0;
    for (char c : text) {
        if (c < '0' || c > '9')
            return refuse(400, "Content-Length is no number (RFC 9112 section 6.3)");
        const std::uint64_t digit = static_cast<std::uint64_t>(c - '0');
        if (value > (std::numeric_limits<std::int64_t>::max() - digit) / 10)
            return refuse(400, "Content-Length is too large");
        value = value * 10 + digit;
    }
    return value;
}

Read<> add_coding(const Field& field, Announced& announced) {
    // An empty list is no coding to one reader and an unknown one to another.
    if (field.value.empty())
        return refuse(400, "Transfer-Encoding is empty (RFC 9112 section 6.1)");
    bool twice = false, other = false, after = false;
    for_each_member(field.value, [&](std::string_view member) {
        after |= announced.chunked;
        const bool chunked = same_word(member, "chunked");
        twice |= chunked && announced.chunked;
        other |= !chunked;
        announced.chunked |= chunked;
    });
    announced.coded = true;
    if (twice || after)
        return refuse(400, "Transfer-Encoding goes on after chunked (RFC 9112 section 6.1)");
    if (other && !announced.chunked)
        return refuse(400, "Transfer-Encoding does not end with chunked (RFC 9112 section 6.3)");
    if (other) return refuse(501, "a transfer coding other than chunked");
    if (!announced.chunked) return refuse(400, "Transfer-Encoding names no coding");
    return {};
}

Read<Announced> announced_by(const std::vector<Field>& fields) {
    Announced announced;
    for (const Field& field : fields) {
        if (field.kind == FieldKind::content_length) {
            auto length = parse_length(field.value);
            if (!length) return std::unexpected(length.error());
            if (announced.length && *announced.length != *length)
                return refuse(400, "two Content-Length that differ (RFC 9112 section 6.3)");
            announced.length = *length;
        } else if (field.kind == FieldKind::transfer_encoding) {
            if (auto added = add_coding(field, announced); !added)
                return std::unexpected(added.error());
        }
    }
    if (announced.coded && announced.length)
        return refuse(400, "both Content-Length and Transfer-Encoding (RFC 9112 section 6.1)");
    return announced;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

std::unexpected<Refusal> bad_chunk() {
    return refuse(400, "a chunk is malformed (RFC 9112 section 7.1)");
}

}  // namespace

Read<Framing> request_framing(const RequestHead& head) {
    auto announced = announced_by(head.fields);
    if (!announced) return std::unexpected(announced.error());
    if (announced->coded && head.minor == 0)
        return refuse(400, "Transfer-Encoding in HTTP/1.0 (RFC 9112 section 6.1)");
    if (announced->chunked) return Framing{BodyKind::chunked};
    if (announced->length && *announced->length > 0)
        return Framing{BodyKind::length, *announced->length};
    return Framing{};
}

Read<Framing> response_framing(const ResponseHead& head, bool to_head) {
    auto announced = announced_by(head.fields);
    if (!announced) return refuse(502, announced.error().why);
    if (announced->coded && head.minor == 0)
        return refuse(502, "Transfer-Encoding in HTTP/1.0 (RFC 9112 section 6.1)");
    if (to_head || head.status < 200 || head.status == 204 || head.status == 304) return Framing{};
    if (announced->chunked) return Framing{BodyKind::chunked};
    if (announced->length)
        return *announced->length > 0 ? Framing{BodyKind::length, *announced->length} : Framing{};
    return Framing{BodyKind::until_close};
}

BodyScanner::BodyScanner(Framing framing) : left_(framing.length) {
    switch (framing.kind) {
        case BodyKind::none: step_ = Step::whole; break;
        case BodyKind::length: step_ = framing.length > 0 ? Step::length : Step::whole; break;
        case BodyKind::chunked: step_ = Step::size_first; break;
        case BodyKind::until_close: step_ = Step::until_close; break;
    }
}

bool BodyScanner::end_of_stream() {
    if (step_ == Step::until_close) step_ = Step::whole;
    return is_whole();
}

Read<std::size_t> BodyScanner::take(std::string_view bytes, std::string* plain) {
    std::size_t at = 0;
    while (at < bytes.size() && step_ != Step::whole) {
        if (step_ == Step::length || step_ == Step::data || step_ == Step::until_close) {
            std::size_t count = bytes.size() - at;
            if (step_ != Step::until_close) {
                count = static_cast<std::size_t>(std::min<std::uint64_t>(count, left_));
                left_ -= count;
            }
            if (plain != nullptr) plain->append(bytes.substr(at, count));
            at += count;
            if (step_ == Step::length && left_ == 0) step_ = Step::whole;
            if (step_ == Step::data && left_ == 0) step_ = Step::data_return;
            continue;
        }
        if (auto taken = take_framing(bytes[at]); !taken) return std::unexpected(taken.error());
        ++at;
    }
    return at;
}

Read<> BodyScanner::take_framing(char c) {
    switch (step_) {
        case Step::size_first:
        case Step::size: return take_size(c);
        case Step::extension:
            if (c == '\r') {
                step_ = Step::size_line_feed;
            } else if (is_control(c) || ++overhead_ > kMaxOverhead) {
                return bad_chunk();
            }
            return {};
        case Step::size_line_feed:
            if (c != '\n') return bad_chunk();
            step_ = left_ > 0 ? Step::data : Step::trailer;
            return {};
        case Step::data_return:
            if (c != '\r') return bad_chunk();
            step_ = Step::data_line_feed;
            return {};
        case Step::data_line_feed:
            if (c != '\n') return bad_chunk();
            step_ = Step::size_first;
            return {};
        default: return take_trailer(c);
    }
}

Read<> BodyScanner::take_size(char c) {
    if (step_ == Step::size_first) {
        left_ = 0;
        digits_ = 0;
    }
    if (const int digit = hex_value(c); digit >= 0) {
        if (++digits_ > kMaxDigits) return bad_chunk();
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        step_ = Step::size;
        return {};
    }
    // White space before an extension is allowed by the grammar to be read and forbidden to be
    // written; those who read it differently made CVE-2025-22871 and its kin.
    if (digits_ == 0 || (c != '\r' && c != ';')) return bad_chunk();
    step_ = c == '\r' ? Step::size_line_feed : Step::extension;
    return {};
}

Read<> BodyScanner::take_trailer(char c) {
    if (step_ == Step::trailer_line_feed) return c == '\n' ? end_trailer_line() : bad_chunk();
    if (c == '\r') {
        step_ = Step::trailer_line_feed;
        return {};
    }
    if (is_control(c) || ++overhead_ > kMaxOverhead) return bad_chunk();
    line_ += c;
    return {};
}

Read<> BodyScanner::end_trailer_line() {
    if (line_.empty()) {
        step_ = Step::whole;
        return {};
    }
    auto field = parse_field(line_);
    if (!field) return std::unexpected(field.error());
    // RFC 9110 section 6.5.1: not what frames or routes the message.
    if (field->kind == FieldKind::content_length || field->kind == FieldKind::transfer_encoding ||
        field->kind == FieldKind::host)
        return refuse(400, "a trailer that frames or routes the message (RFC 9110 section 6.5.1)");
    line_.clear();
    step_ = Step::trailer;
    return {};
}

}  // namespace crank::gateway
