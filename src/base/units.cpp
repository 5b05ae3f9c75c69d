#include "base/units.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>

#include "base/text.h"

namespace crank {
namespace {

// A decimal number as (mantissa, digits after the point): exact, so that 0.1s is 100000000 ns.
struct Decimal {
    std::int64_t mantissa = 0;
    int fraction_digits = 0;
};

constexpr int kMaxDigits = 18;

std::optional<Decimal> take_decimal(std::string_view& text) {
    Decimal number;
    int digits = 0;
    bool point = false;
    std::size_t used = 0;
    for (; used < text.size(); ++used) {
        char c = text[used];
        if (c == '.' && !point) {
            point = true;
        } else if (c >= '0' && c <= '9') {
            if (digits == kMaxDigits) {
                if (!point) return std::nullopt;
                continue;  // beyond a billionth of a billionth
            }
            number.mantissa = number.mantissa * 10 + (c - '0');
            ++digits;
            if (point) ++number.fraction_digits;
        } else {
            break;
        }
    }
    if (digits == 0) return std::nullopt;
    text.remove_prefix(used);
    return number;
}

// mantissa * unit / 10^fraction_digits, or nothing when it leaves the range of int64.
std::optional<std::int64_t> scale(const Decimal& number, std::int64_t unit) {
    __int128 value = static_cast<__int128>(number.mantissa) * unit;
    for (int i = 0; i < number.fraction_digits; ++i) value /= 10;
    if (value > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
    return static_cast<std::int64_t>(value);
}

std::string format_scaled(double value, double base, std::span<const char* const> units) {
    std::size_t unit = 0;
    while (value >= base && unit + 1 < units.size()) {
        value /= base;
        ++unit;
    }
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%.4g%s", value, units[unit]);
    return text.data();
}

}  // namespace

Result<std::int64_t> parse_size(std::string_view text) {
    auto bad = [&](std::string_view why) {
        return fail(Error(Code::invalid_argument,
                          "invalid size '" + std::string(text) + "': " + std::string(why))
                        .with_hint("write a number with b, k, m, g or t behind it, like 512m"));
    };
    std::string_view rest = trim(text);
    auto number = take_decimal(rest);
    if (!number) return bad("not a number");
    std::string unit = to_lower(trim(rest));
    if (unit.ends_with("ib") && unit.size() == 3)
        unit.resize(1);
    else if (unit.ends_with("b") && unit.size() == 2)
        unit.resize(1);
    std::int64_t factor = 0;
    if (unit.empty() || unit == "b")
        factor = 1;
    else if (unit == "k")
        factor = std::int64_t{1} << 10;
    else if (unit == "m")
        factor = std::int64_t{1} << 20;
    else if (unit == "g")
        factor = std::int64_t{1} << 30;
    else if (unit == "t")
        factor = std::int64_t{1} << 40;
    else if (unit == "p")
        factor = std::int64_t{1} << 50;
    else
        return bad("unknown unit '" + unit + "'");
    auto value = scale(*number, factor);
    if (!value) return bad("out of range");
    return *value;
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    auto bad = [&](std::string_view why) {
        return fail(
            Error(Code::invalid_argument,
                  "invalid duration '" + std::string(text) + "': " + std::string(why))
                .with_hint("write a number with ns, us, ms, s, m or h behind it, like 1m30s"));
    };
    if (text == "0") return std::chrono::nanoseconds{0};
    std::string_view rest = text;
    if (rest.empty()) return bad("empty");
    __int128 total = 0;
    while (!rest.empty()) {
        auto number = take_decimal(rest);
        if (!number) return bad("not a number");
        std::size_t length = 0;
        while (length < rest.size() && rest[length] != '.' &&
               (rest[length] < '0' || rest[length] > '9'))
            ++length;
        std::string_view unit = rest.substr(0, length);
        rest.remove_prefix(length);
        std::int64_t factor = 0;
        if (unit == "ns")
            factor = 1;
        else if (unit == "us" || unit == "\u00b5s")
            factor = 1'000;
        else if (unit == "ms")
            factor = 1'000'000;
        else if (unit == "s")
            factor = 1'000'000'000;
        else if (unit == "m")
            factor = 60'000'000'000;
        else if (unit == "h")
            factor = 3'600'000'000'000;
        else if (unit.empty())
            return bad("the unit is missing");
        else
            return bad("unknown unit '" + std::string(unit) + "'");
        auto value = scale(*number, factor);
        if (!value) return bad("out of range");
        total += *value;
        if (total > std::numeric_limits<std::int64_t>::max()) return bad("out of range");
    }
    return std::chrono::nanoseconds{static_cast<std::int64_t>(total)};
}

Result<std::int64_t> parse_cpus(std::string_view text) {
    std::string_view rest = text;
    auto number = take_decimal(rest);
    std::optional<std::int64_t> value;
    if (number && rest.empty()) value = scale(*number, 1'000'000'000);
    if (!value || *value < 1'000'000)
        return fail(
            Error(Code::invalid_argument, "invalid number of CPUs '" + std::string(text) + "'")
                .with_hint("write a decimal of at least 0.001, like 0.5 or 2"));
    return *value;
}

std::string format_size(std::int64_t bytes) {
    static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    // Three digits, as `docker images` prints them.
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1000.0 && unit + 1 < std::size(kUnits)) {
        value /= 1000.0;
        ++unit;
    }
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%.3g%s", value, kUnits[unit]);
    return text.data();
}

std::string format_size_binary(std::int64_t bytes) {
    static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    return format_scaled(static_cast<double>(bytes), 1024.0, kUnits);
}

std::string format_age(std::chrono::seconds age) {
    std::int64_t seconds = age.count();
    if (seconds < 1) return "Less than a second";
    if (seconds == 1) return "1 second";
    if (seconds < 60) return std::to_string(seconds) + " seconds";
    std::int64_t minutes = seconds / 60;
    if (minutes == 1) return "About a minute";
    if (minutes < 60) return std::to_string(minutes) + " minutes";
    std::int64_t hours = (seconds + 1800) / 3600;
    if (hours == 1) return "About an hour";
    if (hours < 48) return std::to_string(hours) + " hours";
    if (hours < 24 * 7 * 2) return std::to_string(hours / 24) + " days";
    if (hours < 24 * 30 * 2) return std::to_string(hours / 24 / 7) + " weeks";
    if (hours < 24 * 365 * 2) return std::to_string(hours / 24 / 30) + " months";
    return std::to_string(hours / 24 / 365) + " years";
}

std::string format_duration(std::chrono::nanoseconds duration) {
    std::int64_t ns = duration.count();
    if (ns == 0) return "0s";
    std::array<char, 48> text{};
    if (ns < 1'000) return std::to_string(ns) + "ns";
    if (ns < 1'000'000) {
        std::snprintf(text.data(), text.size(), "%.6gus", static_cast<double>(ns) / 1e3);
        return text.data();
    }
    if (ns < 1'000'000'000) {
        std::snprintf(text.data(), text.size(), "%.9gms", static_cast<double>(ns) / 1e6);
        return text.data();
    }
    std::int64_t hours = ns / 3'600'000'000'000;
    std::int64_t minutes = ns / 60'000'000'000 % 60;
    double seconds = static_cast<double>(ns % 60'000'000'000) / 1e9;
    std::string out;
    if (hours > 0) out += std::to_string(hours) + "h";
    if (hours > 0 || minutes > 0) out += std::to_string(minutes) + "m";
    std::snprintf(text.data(), text.size(), "%.12gs", seconds);
    return out + text.data();
}

std::string format_time(std::chrono::system_clock::time_point time) {
    auto since_epoch =
        std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
    std::time_t seconds = since_epoch.count() / 1'000'000'000;
    long nanoseconds = since_epoch.count() % 1'000'000'000;
    if (nanoseconds < 0) {
        nanoseconds += 1'000'000'000;
        --seconds;
    }
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ",
                  parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                  parts.tm_min, parts.tm_sec, nanoseconds);
    return text.data();
}

}  // namespace crank
