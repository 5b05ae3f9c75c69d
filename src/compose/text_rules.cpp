#include <algorithm>

#include "base/text.h"
#include "compose/schema_parts.h"

namespace crank::compose {
namespace {

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_container_name(std::string_view name) {
    return name.size() > 1 && is_letter_or_digit(name[0]) && std::ranges::all_of(name, [](char c) {
               return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-';
           });
}

// "every_1d12h": numbers, each with its unit.
bool is_interval(std::string_view text) {
    if (!text.starts_with("every_")) return false;
    text.remove_prefix(6);
    while (!text.empty()) {
        std::size_t unit = text.find_first_not_of("0123456789");
        if (unit == 0 || unit == std::string_view::npos) return false;
        if (std::string_view("wdhms").find(text[unit]) == std::string_view::npos) return false;
        text.remove_prefix(unit + 1);
        if (text.empty()) return true;
    }
    return false;
}

bool is_pull_policy(std::string_view text) {
    constexpr std::string_view kPolicies[] = {"always",  "never",   "build", "if_not_present",
                                              "missing", "refresh", "daily", "weekly"};
    return std::ranges::find(kPolicies, text) != std::end(kPolicies) || is_interval(text);
}

}  // namespace

constinit const TextRule kContainerName = {
    is_container_name,
    "a name of two or more letters, digits, '_', '.' and '-', of which the "
    "first is a letter or digit"};
constinit const TextRule kPullPolicy = {
    is_pull_policy, "one of always, never, missing, build, refresh, daily, weekly, every_DURATION"};

}  // namespace crank::compose
