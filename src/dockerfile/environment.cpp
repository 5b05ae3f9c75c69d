#include "dockerfile/environment.h"

namespace crank::dockerfile {

Environment Environment::from_list(std::span<const std::string> entries) {
    Environment env;
    for (const std::string& entry : entries) {
        std::size_t equals = entry.find('=');
        std::string_view text = entry;
        if (equals == std::string::npos)
            env.set(text, "");
        else
            env.set(text.substr(0, equals), text.substr(equals + 1));
    }
    return env;
}

void Environment::set(std::string_view name, std::string_view value) {
    auto [place, is_new] = index_.try_emplace(std::string(name), entries_.size());
    if (is_new)
        entries_.push_back({std::string(name), std::string(value)});
    else
        entries_[place->second].value = std::string(value);
}

const std::string* Environment::find(std::string_view name) const {
    auto place = index_.find(std::string(name));
    return place == index_.end() ? nullptr : &entries_[place->second].value;
}

std::vector<std::string> Environment::to_list() const {
    std::vector<std::string> list;
    list.reserve(entries_.size());
    for (const KeyValue& entry : entries_) list.push_back(entry.key + "=" + entry.value);
    return list;
}

std::vector<std::string_view> Environment::names() const {
    std::vector<std::string_view> names;
    names.reserve(entries_.size());
    for (const KeyValue& entry : entries_) names.emplace_back(entry.key);
    return names;
}

}  // namespace crank::dockerfile
