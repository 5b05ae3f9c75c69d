#include "gateway/sniff.h"

#include <algorithm>

namespace crank::gateway {

namespace {

// Longer request lines are HTTP's by what they began with.
constexpr std::size_t kDecided = 4096;
constexpr std::size_t kLongestMethod = 32;

bool is_method_char(char c) { return (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; }

// What the target of a request line can begin with: a path, a URL, an authority after CONNECT.
Sniffed sniff_target(std::string_view method, std::string_view rest) {
    if (rest.empty()) return Sniffed::more;
    if (rest.front() == '/' || rest.front() == '*' || method == "CONNECT") return Sniffed::http;
    for (std::string_view scheme : {"http://", "https://"}) {
        const std::size_t common = std::min(scheme.size(), rest.size());
        if (rest.substr(0, common) == scheme.substr(0, common))
            return common == scheme.size() ? Sniffed::http : Sniffed::more;
    }
    return Sniffed::raw;
}

}  // namespace

Sniffed sniff(std::string_view bytes) {
    const auto* blank = std::ranges::find_if_not(bytes, is_method_char);
    const auto size = static_cast<std::size_t>(blank - bytes.begin());
    if (size > kLongestMethod) return Sniffed::raw;
    if (blank == bytes.end()) return Sniffed::more;
    if (size == 0 || *blank != ' ') return Sniffed::raw;
    const std::string_view rest = bytes.substr(size + 1);
    if (Sniffed target = sniff_target(bytes.substr(0, size), rest); target != Sniffed::http)
        return target;
    const std::size_t end = rest.find('\n');
    if (std::ranges::any_of(rest.substr(0, std::min(end, rest.size())), [](char c) {
            return static_cast<unsigned char>(c) < 0x20 && c != '\r';
        }))
        return Sniffed::raw;
    if (end == std::string_view::npos)
        return rest.size() >= kDecided ? Sniffed::http : Sniffed::more;
    return rest.substr(0, end).find(" HTTP/1.") != std::string_view::npos ? Sniffed::http
                                                                          : Sniffed::raw;
}

}  // namespace crank::gateway
