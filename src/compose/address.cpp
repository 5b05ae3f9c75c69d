#include "compose/address.h"

#include <algorithm>

#include "base/text.h"

namespace crank::compose {
namespace {

bool is_v4(std::string_view text) {
    std::vector<std::string> parts = split(text, '.');
    return parts.size() == 4 && std::ranges::all_of(parts, [](const std::string& part) {
               bool digits = !part.empty() && part.size() <= 3 &&
                             part.find_first_not_of("0123456789") == std::string::npos;
               return digits && (part.size() == 1 || part[0] != '0') && *parse_int(part) <= 255;
           });
}

// How many groups of 16 bits stand between colons; -1: not such a text.
int groups_in(std::string_view text, bool may_end_in_v4) {
    if (text.empty()) return 0;
    std::vector<std::string> parts = split(text, ':');
    int count = 0;
    for (std::size_t i = 0; i < parts.size(); i++) {
        bool hex = !parts[i].empty() && parts[i].size() <= 4 &&
                   parts[i].find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
        bool v4 = may_end_in_v4 && i + 1 == parts.size() && is_v4(parts[i]);
        if (!hex && !v4) return -1;
        count += v4 ? 2 : 1;
    }
    return count;
}

}  // namespace

bool is_ip_address(std::string_view text) {
    if (text.find(':') == std::string_view::npos) return is_v4(text);
    std::size_t gap = text.find("::");
    if (gap == std::string_view::npos) return groups_in(text, true) == 8;
    int before = groups_in(text.substr(0, gap), false);
    int after = groups_in(text.substr(gap + 2), true);
    return before >= 0 && after >= 0 && before + after <= 7;
}

}  // namespace crank::compose
