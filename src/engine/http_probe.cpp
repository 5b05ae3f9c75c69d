#include "engine/http_probe.h"

#include <algorithm>

#include "base/text.h"

namespace crank::engine {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// RFC 9112: "HTTP/1.1 200 OK"; the reason may be empty, and its blank missing.
bool is_status_line(std::string_view line) {
    constexpr std::size_t kLeast = 12;
    return line.size() >= kLeast && line.starts_with("HTTP/1.") && is_digit(line[7]) &&
           line[8] == ' ' && is_digit(line[9]) && is_digit(line[10]) && is_digit(line[11]) &&
           (line.size() == kLeast || line[kLeast] == ' ');
}

std::string_view body_of(std::string_view answer) {
    std::size_t end = answer.find("\r\n\r\n");
    return end == std::string_view::npos ? "" : answer.substr(end + 4);
}

}  // namespace

std::string http_request(const ProbeTarget& target, std::string_view address) {
    bool v6 = address.find(':') != std::string_view::npos;
    std::string host = v6 ? "[" + std::string(address) + "]" : std::string(address);
    return "GET " + target.path + " HTTP/1.1\r\nHost: " + host + ":" + std::to_string(target.port) +
           "\r\nUser-Agent: crank-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

HttpVerdict judge_http(std::string_view answer) {
    if (answer.empty()) return {false, "it closed the connection without an answer"};
    std::string_view line = answer.substr(0, answer.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!is_status_line(line)) {
        constexpr std::size_t kShown = 80;
        bool tls = answer[0] == '\x15' || answer[0] == '\x16';
        return {false, tls ? "it speaks TLS: probe it with https:// or tls://"
                           : "this is no answer of HTTP: " + std::string(line.substr(0, kShown))};
    }
    std::string status(line.substr(9));
    bool passed = status[0] == '2' || status[0] == '3';
    std::string_view body = trim(body_of(answer));
    if (passed || body.empty()) return {passed, status};
    return {passed, status + "\n" + std::string(body)};
}

}  // namespace crank::engine
