#include "registry/retry.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"

namespace crank::registry {

namespace {

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) {
    constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29 || !text.ends_with(" GMT")) return std::nullopt;
    auto number = [&](std::size_t at, std::size_t size) {
        return parse_int(text.substr(at, size));
    };
    auto day = number(5, 2), year = number(12, 4), hour = number(17, 2), minute = number(20, 2),
         second = number(23, 2);
    const auto* month = std::ranges::find(kMonths, text.substr(8, 3));
    if (!day || !year || !hour || !minute || !second || month == kMonths.end()) return std::nullopt;
    std::chrono::year_month_day date{
        std::chrono::year(static_cast<int>(*year)),
        std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
        std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
           std::chrono::seconds(*second);
}

}  // namespace

bool is_transient(long status) {
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view text,
                                                      std::chrono::sys_seconds now) {
    text = trim(text);
    if (auto seconds = parse_int(text); seconds && *seconds >= 0)
        return std::chrono::seconds(std::min<std::int64_t>(*seconds, 1'000'000));
    auto date = parse_http_date(text);
    if (!date) return std::nullopt;
    return std::max(std::chrono::seconds(0), *date - now);
}

std::chrono::milliseconds backoff(int attempt, std::chrono::milliseconds base, unsigned jitter) {
    auto wait = base * (1 << std::clamp(attempt - 1, 0, 10));
    wait = std::min<std::chrono::milliseconds>(wait, std::chrono::seconds(16));
    return wait + wait * (jitter % 256) / 1024;
}

}  // namespace crank::registry
