// The heads of HTTP/1 messages, read strictly (RFC 9112): what two readers could understand in two
// ways is refused. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

namespace crank::gateway {

inline constexpr std::size_t kMaxHead = 64 * 1024;
inline constexpr std::size_t kMaxFields = 256;

// The answer to a message that is not taken: a status and a short reason, without its bytes.
struct Refusal {
    int status = 400;
    std::string_view why;
};
template <class T = void>
using Read = std::expected<T, Refusal>;
inline std::unexpected<Refusal> refuse(int status, std::string_view why) {
    return std::unexpected(Refusal{status, why});
}

// Fields that the gateway itself understands; the others are handed on.
enum class FieldKind : std::uint8_t {
    other,
    connection,
    content_length,
    disguised,  // one of these with _ for -, which CGI and WSGI take for the same
    expect,
    forwarded_for,    // X-Forwarded-For
    forwarded_host,   // X-Forwarded-Host
    forwarded_proto,  // X-Forwarded-Proto
    host,
    http2_settings,
    keep_alive,
    proxy_connection,
    te,
    transfer_encoding,
    upgrade,
};
struct Field {
    FieldKind kind = FieldKind::other;
    std::string_view name, value;  // into the message
};

struct RequestHead {
    std::string_view method, target;
    int minor = 1;  // HTTP/1.minor, 0 or 1
    std::vector<Field> fields;
};
struct ResponseHead {
    int status = 0;
    std::string_view reason;
    int minor = 1;
    std::vector<Field> fields;
};

// Where a head ends. `seen` bytes were looked at before (none of them ended it). A line feed
// without a carriage return before it is refused at once, so that nobody waits for the rest.
struct HeadEnd {
    enum class Found : std::uint8_t { more, whole, bad } found = Found::more;
    std::size_t size = 0;  // with the empty line, where it is whole
};
HeadEnd find_head_end(std::string_view bytes, std::size_t seen);

// `head` is whole, with its empty line. The texts point into it.
Read<> parse_request(std::string_view head, RequestHead& into);
Read<> parse_response(std::string_view head, ResponseHead& into);
// One line of a trailer section, without its line end.
Read<Field> parse_field(std::string_view line);

bool is_token(std::string_view text);                    // RFC 9110 section 5.6.2
bool same_word(std::string_view a, std::string_view b);  // ASCII, case-insensitive

// The members of a comma-separated list, trimmed; empty ones are left out (RFC 9110 section 5.6.1).
template <class Each>
void for_each_member(std::string_view list, Each each) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        std::string_view member = list.substr(0, comma);
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
        while (!member.empty() && (member.front() == ' ' || member.front() == '\t'))
            member.remove_prefix(1);
        while (!member.empty() && (member.back() == ' ' || member.back() == '\t'))
            member.remove_suffix(1);
        if (!member.empty()) each(member);
    }
}
template <class Fields>
bool lists(const Fields& fields, FieldKind kind, std::string_view word) {
    bool found = false;
    for (const Field& field : fields)
        if (field.kind == kind)
            for_each_member(field.value,
                            [&](std::string_view member) { found |= same_word(member, word); });
    return found;
}

}  // namespace crank::gateway
