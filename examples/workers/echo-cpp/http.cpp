#include "http.h"

namespace echo {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

char lowered(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool same(std::string_view a, std::string_view lower) {
    if (a.size() != lower.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lowered(a[i]) != lower[i]) return false;
    return true;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
    for (char c : text) {
        const bool alphanumeric =
            (lowered(c) >= 'a' && lowered(c) <= 'z') || (c >= '0' && c <= '9');
        if (!alphanumeric && std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos)
            return false;
    }
    return !text.empty();
}

bool has_control(std::string_view text) {
    for (char c : text)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return true;
    return false;
}

// True where a comma separated list has the (lower-case) word.
bool lists(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        if (same(trimmed(list.substr(0, comma)), word)) return true;
        if (comma == std::string_view::npos) return false;
        list.remove_prefix(comma + 1);
    }
    return false;
}

// The status of the refusal, or 0.
int parse_length(std::string_view text, std::size_t& length) {
    if (text.empty()) return 400;
    std::size_t value = 0;
    for (char c : text) {
        if (c < '0' || c > '9') return 400;
        if (value <= kMaxBody) value = value * 10 + static_cast<std::size_t>(c - '0');
    }
    length = value;
    return value > kMaxBody ? 413 : 0;
}

int parse_request_line(std::string_view line, Request& request) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return 400;
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (!is_token(request.method) || request.target.empty() || has_control(request.target) ||
        request.target.find(' ') != std::string_view::npos)
        return 400;
    if (version == "HTTP/1.1") return 0;
    request.keep_alive = false;
    if (version == "HTTP/1.0") return 0;
    return version.starts_with("HTTP/") ? 505 : 400;
}

struct Seen {
    bool host = false;
    bool length = false;
};

int parse_header(std::string_view line, Request& request, Seen& seen) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return 400;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (has_control(value)) return 400;
    if (same(name, "content-length")) {
        if (seen.length) return 400;
        seen.length = true;
        return parse_length(value, request.body_size);
    }
    if (same(name, "transfer-encoding")) return 501;
    if (same(name, "host")) {
        if (seen.host) return 400;
        seen.host = true;
    } else if (same(name, "content-type")) {
        request.content_type = value;
    } else if (same(name, "connection")) {
        if (lists(value, "close"))
            request.keep_alive = false;
        else if (lists(value, "keep-alive"))
            request.keep_alive = true;
    } else if (same(name, "expect")) {
        if (!same(value, "100-continue")) return 417;
        request.expects_continue = true;
    }
    return 0;
}

ParseResult refused(int status) { return {ParseState::refused, status, {}}; }

}  // namespace

ParseResult parse_request(std::string_view buffer) {
    const std::size_t end = buffer.substr(0, kMaxHead).find("\r\n\r\n");
    if (end == std::string_view::npos) {
        if (buffer.size() >= kMaxHead) return refused(431);
        return {};
    }
    std::string_view head = buffer.substr(0, end + kLineEnd.size());
    ParseResult result{ParseState::complete, 0, {}};
    Request& request = result.request;
    request.head_size = end + 2 * kLineEnd.size();

    std::size_t line_end = head.find(kLineEnd);
    if (int status = parse_request_line(head.substr(0, line_end), request)) return refused(status);
    const bool newest = request.keep_alive;  // not yet touched by a header
    head.remove_prefix(line_end + kLineEnd.size());
    Seen seen;
    while (!head.empty()) {
        line_end = head.find(kLineEnd);
        if (int status = parse_header(head.substr(0, line_end), request, seen))
            return refused(status);
        head.remove_prefix(line_end + kLineEnd.size());
    }
    if (newest && !seen.host) return refused(400);
    return result;
}

}  // namespace echo
