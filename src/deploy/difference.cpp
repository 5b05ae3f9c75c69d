#include "deploy/difference.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace crank::deploy {
namespace {

using Json = nlohmann::json;

// "/ports/0/published" as "ports[0].published".
std::string path_of(std::string_view pointer) {
    std::string path;
    for (std::string part : split(pointer.substr(1), '/')) {
        for (std::size_t at = 0; (at = part.find("~1", at)) != std::string::npos;)
            part.replace(at, 2, "/");
        for (std::size_t at = 0; (at = part.find("~0", at)) != std::string::npos; at++)
            part.replace(at, 2, "~");
        if (parse_int(part))
            path += "[" + part + "]";
        else
            path += (path.empty() ? "" : ".") + part;
    }
    return path;
}

std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

// Whose values say what people want to know and are no secrets; what variables stand in anywhere
// else may be one: a command's password, a label's token.
bool is_shown(std::string_view path) {
    constexpr std::string_view kShown[] = {
        "image",           "ports",         "volumes",    "networks",   "mem_limit",
        "mem_reservation", "cpus",          "cpuset",     "cpu_shares", "shm_size",
        "ulimits",         "memswap_limit", "pids_limit", "replicas"};
    if (path.contains("labels") || path.contains("driver_opts")) return false;
    if (path.starts_with("deploy.resources.") || path == "deploy.replicas") return true;
    return std::ranges::find(kShown, path.substr(0, path.find_first_of(".["))) != std::end(kShown);
}

std::map<std::string, std::string> flat(std::string_view text) {
    std::map<std::string, std::string> values;
    Json document = Json::parse(text, nullptr, false);
    if (document.is_discarded() || !document.is_object()) return values;
    Json flattened = document.flatten();
    for (const auto& [pointer, value] : flattened.items())
        if (!value.is_null() && !pointer.empty()) values[path_of(pointer)] = text_of(value);
    return values;
}

}  // namespace

std::vector<std::string> differences(std::string_view before, std::string_view after) {
    std::map<std::string, std::string> old = flat(before), now = flat(after);
    std::vector<std::string> found;
    for (const auto& [path, value] : now) {
        auto other = old.find(path);
        bool shown = is_shown(path);
        if (other == old.end())
            found.push_back(path + (shown ? ": added: " + value : ": added"));
        else if (other->second != value)
            found.push_back(path + (shown ? ": " + other->second + " -> " + value : ": changed"));
    }
    for (const auto& [path, value] : old)
        if (!now.contains(path))
            found.push_back(path + ": removed" + (is_shown(path) ? ": " + value : ""));
    std::ranges::sort(found);
    if (found.size() > kMostDifferences) {
        std::size_t more = found.size() - kMostDifferences;
        found.resize(kMostDifferences);
        found.push_back("and " + std::to_string(more) + " more");
    }
    return found;
}

}  // namespace crank::deploy
