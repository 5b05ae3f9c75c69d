#include "cli/filter.h"

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "sys/system.h"

namespace crank::cli {

Result<Filters> Filters::parse(const std::vector<std::string>& texts,
                               std::span<const std::string_view> known) {
    Filters filters;
    for (const std::string& text : texts) {
        std::size_t equals = text.find('=');
        if (equals == std::string::npos)
            return fail(Error(Code::usage, "--filter " + text + ": a filter is KEY=VALUE")
                            .with_hint("--filter " + std::string(known.front()) + "=..."));
        std::string key = to_lower(trim(text.substr(0, equals)));
        if (std::ranges::find(known, key) == known.end()) {
            Error error(Code::usage, "--filter " + text + ": invalid filter '" + key + "'");
            auto near = did_you_mean(key, known);
            std::string all;
            for (std::string_view name : known)
                all += (all.empty() ? "" : ", ") + std::string(name);
            return fail(
                std::move(error).with_hint(near ? "did you mean " + *near + "?" : "one of " + all));
        }
        filters.values_[key].emplace_back(trim(text.substr(equals + 1)));
    }
    return filters;
}

const std::vector<std::string>& Filters::values(const std::string& key) const {
    static const std::vector<std::string> none;
    auto found = values_.find(key);
    return found == values_.end() ? none : found->second;
}

bool Filters::any(const std::string& key,
                  const std::function<bool(const std::string&)>& accepts) const {
    return !has(key) || std::ranges::any_of(values(key), accepts);
}

bool Filters::all(const std::string& key,
                  const std::function<bool(const std::string&)>& accepts) const {
    return std::ranges::all_of(values(key), accepts);
}

bool matches_label(const std::map<std::string, std::string>& labels, const std::string& wanted) {
    std::size_t equals = wanted.find('=');
    auto found = labels.find(wanted.substr(0, equals));
    if (found == labels.end()) return false;
    return equals == std::string::npos || found->second == wanted.substr(equals + 1);
}

Result<bool> parse_truth(const std::string& text, const std::string& filter) {
    std::string word = to_lower(text);
    for (const char* yes : {"true", "1", "t"})
        if (word == yes) return true;
    for (const char* no : {"false", "0", "f"})
        if (word == no) return false;
    return fail(Code::usage, "--filter " + filter + "=" + text + ": true or false");
}

Result<std::int64_t> made_before(const Filters& filters) {
    std::int64_t now = sys::wall_clock_ns();
    if (!filters.has("until")) return now;
    auto age = parse_duration(filters.values("until").back());
    if (!age)
        return fail(std::move(age).error().with_code(Code::usage).with_context("--filter until"));
    return now - age->count();
}

}  // namespace crank::cli
