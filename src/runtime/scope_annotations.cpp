// org.systemd.property.NAME: what callers ask of a scope beyond its limits, as runc reads it.
#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "runtime/scope.h"

namespace crank::runtime {
namespace {

constexpr std::string_view kPrefix = "org.systemd.property.";

std::unexpected<Error> refuse(const std::string& key, const std::string& why) {
    return fail(Code::invalid_argument, "annotations: " + key + ": " + why);
}

// systemd.directives(7): "TimeoutStopUSec".
bool is_property_name(std::string_view name) {
    auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    return name.size() > 1 && is_upper(name.front()) &&
           std::ranges::all_of(name, [&](char c) { return is_upper(c) || (c >= 'a' && c <= 'z'); });
}

template <class T>
std::optional<T> number_of(std::string_view text) {
    T value{};
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty()) return {};
    return value;
}

// 'text' or "text", without escapes.
std::optional<std::string> quoted(std::string_view text) {
    bool fit = text.size() >= 2 && (text.front() == '\'' || text.front() == '"') &&
               text.back() == text.front();
    if (!fit) return {};
    std::string_view inside = text.substr(1, text.size() - 2);
    if (inside.find_first_of("\\'\"") != std::string_view::npos) return {};
    return std::string(inside);
}

std::optional<std::vector<std::string>> list_of(std::string_view text) {
    if (!text.starts_with('[') || !text.ends_with(']')) return {};
    std::vector<std::string> words;
    std::string_view inside = text.substr(1, text.size() - 2);
    if (trim(inside).empty()) return words;
    for (const std::string& part : split(inside, ',')) {
        auto word = quoted(trim(std::string_view(part)));
        if (!word) return {};
        words.push_back(std::move(*word));
    }
    return words;
}

using Value = decltype(UnitProperty::value);

// The text form of GVariant, of the types that properties of scopes have.
std::optional<Value> value_of(std::string_view text) {
    constexpr std::string_view kUint64 = "uint64 ", kInt32 = "int32 ";
    if (text == "true" || text == "false") return Value(text == "true");
    if (auto word = quoted(text)) return Value(std::move(*word));
    if (auto words = list_of(text)) return Value(std::move(*words));
    if (text.starts_with(kUint64)) {
        auto number = number_of<std::uint64_t>(trim(text.substr(kUint64.size())));
        return number ? std::optional<Value>(*number) : std::nullopt;
    }
    if (text.starts_with(kInt32)) text = text.substr(kInt32.size());
    auto number = number_of<std::int32_t>(trim(text));
    return number ? std::optional<Value>(*number) : std::nullopt;
}

// "TimeoutStopSec" is, in what systemd is told, "TimeoutStopUSec".
Result<UnitProperty> in_seconds(const std::string& key, std::string_view name,
                                std::string_view text) {
    constexpr std::uint64_t kMicroseconds = 1'000'000, kMost = 1'000'000'000;
    constexpr std::string_view kUint64 = "uint64 ";
    if (text.starts_with(kUint64)) text = text.substr(kUint64.size());
    auto seconds = number_of<std::uint64_t>(trim(text));
    if (!seconds || *seconds > kMost)
        return refuse(key, "'" + std::string(text) + "' is no number of seconds");
    return UnitProperty{std::string(name.substr(0, name.size() - 3)) + "USec",
                        *seconds * kMicroseconds};
}

}  // namespace

Result<std::vector<UnitProperty>> annotated_properties(
    const std::map<std::string, std::string>& annotations, const std::vector<UnitProperty>& own) {
    std::vector<UnitProperty> out;
    for (const auto& [key, text] : annotations) {
        if (!key.starts_with(kPrefix)) continue;
        std::string name = key.substr(kPrefix.size());
        if (!is_property_name(name)) return refuse(key, "this is no property of a unit");
        bool taken = name == "PIDs" || std::ranges::any_of(own, [&](const UnitProperty& property) {
                         return property.name == name;
                     });
        if (taken) return refuse(key, "it follows from the configuration");
        bool seconds = name.ends_with("Sec") && !name.ends_with("USec");
        if (seconds) {
            out.push_back(TRY(in_seconds(key, name, trim(std::string_view(text)))));
            continue;
        }
        auto value = value_of(trim(std::string_view(text)));
        if (!value)
            return refuse(key, "'" + text +
                                   "' is none of true, false, a number, uint64 NUMBER, 'text' and "
                                   "['text', ...]");
        out.push_back({name, std::move(*value)});
    }
    return out;
}

std::vector<std::string> idle_annotations(const std::map<std::string, std::string>& annotations) {
    std::vector<std::string> warnings;
    for (const auto& [key, text] : annotations)
        if (key.starts_with(kPrefix))
            warnings.push_back("annotations: " + key +
                               " is for a scope of systemd's (--systemd-cgroup): ignored");
    return warnings;
}

}  // namespace crank::runtime
