#include "gateway/http_head.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace crank::gateway {

namespace {

constexpr std::uint8_t kToken = 1, kValue = 2, kTarget = 4;

constexpr std::array<std::uint8_t, 256> make_classes() {
    std::array<std::uint8_t, 256> classes{};
    for (int c = 0x21; c < 0x7f; ++c) classes[c] = kValue | kTarget;
    // A fragment is the client's own: whoever cuts it off routes another path (CVE-2023-45539).
    classes['#'] = kValue;
    // obs-text: only in values, where it means nothing (RFC 9110 section 5.5)
    for (int c = 0x80; c < 0x100; ++c) classes[c] = kValue;
    classes[' '] = classes['\t'] = kValue;
    for (int c = '0'; c <= '9'; ++c) classes[c] |= kToken;
    for (int c = 'a'; c <= 'z'; ++c) classes[c] |= kToken;
    for (int c = 'A'; c <= 'Z'; ++c) classes[c] |= kToken;
    for (char c : std::string_view("!#$%&'*+-.^_`|~"))
        classes[static_cast<unsigned char>(c)] |= kToken;
    return classes;
}
constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

bool all_of_class(std::string_view text, std::uint8_t wanted) {
    for (char c : text)
        if ((kClasses[static_cast<unsigned char>(c)] & wanted) == 0) return false;
    return true;
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

struct KnownField {
    std::string_view name;  // lower case
    FieldKind kind;
};
constexpr KnownField kKnown[] = {
    {"te", FieldKind::te},
    {"host", FieldKind::host},
    {"expect", FieldKind::expect},
    {"upgrade", FieldKind::upgrade},
    {"connection", FieldKind::connection},
    {"keep-alive", FieldKind::keep_alive},
    {"content-length", FieldKind::content_length},
    {"http2-settings", FieldKind::http2_settings},
    {"x-forwarded-for", FieldKind::forwarded_for},
    {"x-forwarded-host", FieldKind::forwarded_host},
    {"proxy-connection", FieldKind::proxy_connection},
    {"x-forwarded-proto", FieldKind::forwarded_proto},
    {"transfer-encoding", FieldKind::transfer_encoding},
};

bool is_disguise_of(std::string_view known, std::string_view name) {
    return std::equal(known.begin(), known.end(), name.begin(), name.end(),
                      [](char a, char b) { return a == (b == '_' ? '-' : lower(b)); });
}

FieldKind kind_of(std::string_view name) {
    for (const KnownField& known : kKnown) {
        if (known.name.size() != name.size() || known.name[0] != lower(name[0])) continue;
        if (same_word(known.name, name)) return known.kind;
        if (is_disguise_of(known.name, name)) return FieldKind::disguised;
    }
    return FieldKind::other;
}

// Takes a line off the front; the head's lines all end with CR LF (find_head_end).
std::string_view take_line(std::string_view& rest) {
    const std::size_t end = rest.find("\r\n");
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
    return line;
}

Read<> parse_fields(std::string_view rest, std::vector<Field>& into) {
    into.clear();
    while (true) {
        std::string_view line = take_line(rest);
        if (line.empty()) break;
        if (into.size() == kMaxFields) return refuse(431, "more than 256 header fields");
        auto field = parse_field(line);
        if (!field) return std::unexpected(field.error());
        into.push_back(*field);
    }
    if (!rest.empty()) return refuse(400, "bytes behind the head");
    return {};
}

// 0 or 1; -1: no HTTP/1 at all, -2: one that is not known.
int minor_of(std::string_view version) {
    if (version.size() != 8 || !version.starts_with("HTTP/1.")) return -1;
    if (version[7] == '0' || version[7] == '1') return version[7] - '0';
    return version[7] >= '2' && version[7] <= '9' ? -2 : -1;
}

Read<> parse_request_line(std::string_view line, RequestHead& into) {
    const std::size_t first = line.find(' '), last = line.rfind(' ');
    if (first == std::string_view::npos || first == last)
        return refuse(400, "the request line is not: method target version");
    into.method = line.substr(0, first);
    into.target = line.substr(first + 1, last - first - 1);
    if (!is_token(into.method)) return refuse(400, "the method is no token");
    // RFC 9112 section 3: single spaces, and a target has none.
    if (into.target.empty() || !all_of_class(into.target, kTarget))
        return refuse(400, "the request target is malformed");
    into.minor = minor_of(line.substr(last + 1));
    if (into.minor == -2 || line.substr(last + 1).starts_with("HTTP/2"))
        return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    if (into.minor < 0) return refuse(400, "the request line does not end with an HTTP version");
    return {};
}

}  // namespace

bool is_token(std::string_view text) { return !text.empty() && all_of_class(text, kToken); }

bool same_word(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                              [](char x, char y) { return lower(x) == lower(y); });
}

HeadEnd find_head_end(std::string_view bytes, std::size_t seen) {
    const char* const begin = bytes.data();
    const char* const end = begin + bytes.size();
    const char* at = begin + std::min(seen, bytes.size());
    while (at < end) {
        at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
        if (at == nullptr) break;
        if (at == begin || at[-1] != '\r') return {HeadEnd::Found::bad, 0};
        const auto size = static_cast<std::size_t>(at + 1 - begin);
        if (size >= 4 && at[-2] == '\n') return {HeadEnd::Found::whole, size};
        ++at;
    }
    return {};
}

Read<Field> parse_field(std::string_view line) {
    // RFC 9112 section 5.2: a line that goes on in the next could be read as two.
    if (line.front() == ' ' || line.front() == '\t')
        return refuse(400, "a header field goes on in a second line (RFC 9112 section 5.2)");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return refuse(400, "a header line has no colon");
    Field field{FieldKind::other, line.substr(0, colon), line.substr(colon + 1)};
    // Section 5.1: white space before the colon is refused with the same rule.
    if (!is_token(field.name))
        return refuse(400, "a header field's name is no token (RFC 9112 section 5.1)");
    std::string_view& value = field.value;
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
        value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    if (!all_of_class(value, kValue))
        return refuse(400, "a header field's value has control characters (RFC 9110 section 5.5)");
    field.kind = kind_of(field.name);
    return field;
}

Read<> parse_request(std::string_view head, RequestHead& into) {
    if (auto line = parse_request_line(take_line(head), into); !line) return line;
    return parse_fields(head, into.fields);
}

Read<> parse_response(std::string_view head, ResponseHead& into) {
    const std::string_view line = take_line(head);
    // RFC 9112 section 4: HTTP-version SP 3DIGIT SP [reason]; many leave the last space out.
    if (line.size() < 12 || line[8] != ' ') return refuse(502, "the status line is malformed");
    into.minor = minor_of(line.substr(0, 8));
    if (into.minor == -2) into.minor = 1;
    if (into.minor < 0) return refuse(502, "the status line does not begin with HTTP/1");
    into.status = 0;
    for (char c : line.substr(9, 3)) {
        if (c < '0' || c > '9') return refuse(502, "the status is no number");
        into.status = into.status * 10 + (c - '0');
    }
    if (into.status < 100) return refuse(502, "the status is no number from 100 to 999");
    if (line.size() > 12 && line[12] != ' ') return refuse(502, "the status line is malformed");
    into.reason = line.size() > 13 ? line.substr(13) : std::string_view();
    if (!all_of_class(into.reason, kValue))
        return refuse(502, "the status line has control characters");
    return parse_fields(head, into.fields);
}

}  // namespace crank::gateway
