#include "deploy/difference.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

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

using Values = std::map<std::string, std::optional<std::string>>;

// What is null or empty has no text: "networks.back" of one that has nothing to say of it.
Values flat(std::string_view text) {
    Values values;
    Json document = Json::parse(text, nullptr, false);
    if (document.is_discarded() || !document.is_object()) return values;
    Json flattened = document.flatten();
    for (const auto& [pointer, value] : flattened.items())
        if (!pointer.empty())
            values[path_of(pointer)] =
                value.is_null() ? std::nullopt : std::optional(text_of(value));
    return values;
}

// Whether there is something below it: what was empty and is filled is told by that alone.
bool is_filled(const std::string& path, const Values& values) {
    for (char next : {'.', '['})
        if (auto below = values.lower_bound(path + next);
            below != values.end() && below->first.starts_with(path + next))
            return true;
    return false;
}

// One side of a path, which the other has not or has without a text.
void tell(std::string_view how, const std::string& path, const std::optional<std::string>& value,
          const Values& other, std::vector<std::string>& found) {
    if (!value && (other.contains(path) || is_filled(path, other))) return;
    bool shown = is_shown(path) && value;
    found.push_back(path + ": " + std::string(how) + (shown ? ": " + *value : ""));
}

}  // namespace

std::vector<std::string> differences(std::string_view before, std::string_view after,
                                     std::size_t most) {
    const Values old = flat(before), now = flat(after);
    std::vector<std::string> found;
    for (const auto& [path, value] : now) {
        auto other = old.find(path);
        if (!value || other == old.end() || !other->second)
            tell("added", path, value, old, found);
        else if (*other->second != *value)
            found.push_back(
                path + (is_shown(path) ? ": " + *other->second + " -> " + *value : ": changed"));
    }
    for (const auto& [path, value] : old)
        if (auto other = now.find(path); other == now.end() || !other->second)
            tell("removed", path, value, now, found);
    std::ranges::sort(found);
    if (found.size() > most) {
        std::size_t more = found.size() - most;
        found.resize(most);
        found.push_back("and " + std::to_string(more) + " more");
    }
    return found;
}

}  // namespace crank::deploy
