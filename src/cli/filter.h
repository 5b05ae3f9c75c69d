// --filter KEY=VALUE as Docker's verbs take it: values of one key are alternatives, keys all count.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::cli {

class Filters {
public:
    // Errors: usage (no "=", a key that is not `known`, with a did-you-mean).
    static Result<Filters> parse(const std::vector<std::string>& texts,
                                 std::span<const std::string_view> known);
    bool has(const std::string& key) const { return values_.contains(key); }
    // Of a key that was not given: empty.
    const std::vector<std::string>& values(const std::string& key) const;
    // Whether any value of the key pleases `accepts`, or none was given.
    bool any(const std::string& key, const std::function<bool(const std::string&)>& accepts) const;
    // The same where all must.
    bool all(const std::string& key, const std::function<bool(const std::string&)>& accepts) const;

private:
    std::map<std::string, std::vector<std::string>> values_;
};

// "key" or "key=value" of a label filter.
bool matches_label(const std::map<std::string, std::string>& labels, const std::string& wanted);
// The time (CLOCK_REALTIME, nanoseconds) that until=AGE means; now where it was not given. Errors:
// usage.
Result<std::int64_t> made_before(const Filters& filters);
// true, 1, t and their likes, false and theirs. Error: usage, naming the filter.
Result<bool> parse_truth(const std::string& text, const std::string& filter);

}  // namespace crank::cli
