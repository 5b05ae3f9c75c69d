// Variables by name, in the order of their first definition.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dockerfile/instructions.h"

namespace crank::dockerfile {

class Environment {
public:
    Environment() = default;
    // "NAME=value" entries as in an image's configuration; the last of a name counts, an entry
    // without '=' has an empty value.
    static Environment from_list(std::span<const std::string> entries);

    void set(std::string_view name, std::string_view value);
    // Null when the name is not set. Valid until the next set().
    const std::string* find(std::string_view name) const;
    const std::vector<KeyValue>& entries() const { return entries_; }
    bool empty() const { return entries_.empty(); }
    // "NAME=value" each, in order.
    std::vector<std::string> to_list() const;
    std::vector<std::string_view> names() const;

private:
    std::vector<KeyValue> entries_;
    std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace crank::dockerfile
