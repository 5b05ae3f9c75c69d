#include "cli/watch_rules.h"

#include <algorithm>

#include "base/text.h"
#include "deploy/desired.h"

namespace crank::cli {
namespace {

using Action = WatchedPath::Action;

constexpr std::string_view kHistories[] = {".git", ".hg", ".svn"};

// Swap, backup, lock and trial files of vim, emacs, JetBrains, kate, gedit.
bool is_scratch(std::string_view name) {
    if (name == "4913" || name.ends_with('~')) return true;
    if (name.starts_with('#') && name.ends_with('#') && name.size() > 1) return true;
    if (name.starts_with(".#") || name.starts_with(".goutputstream-")) return true;
    if (name.ends_with("___jb_tmp___") || name.ends_with("___jb_old___")) return true;
    bool hidden = name.starts_with('.');
    std::size_t dot = name.rfind('.');
    std::string_view ending = dot == std::string_view::npos ? "" : name.substr(dot + 1);
    return hidden && dot != 0 &&
           (ending == "kate-swp" || (ending.size() == 3 && ending[0] == 's' && ending[1] == 'w'));
}

// The path below `top`; "": itself; nothing: it is elsewhere.
std::optional<std::string> below(const std::string& path, const std::string& top) {
    if (path == top) return "";
    bool under = path.size() > top.size() && path.starts_with(top) && path[top.size()] == '/';
    return under ? std::optional(path.substr(top.size() + 1)) : std::nullopt;
}

bool never_matters(const std::string& relative) {
    std::vector<std::string> parts = split(relative, '/');
    for (const std::string& part : parts)
        if (std::ranges::find(kHistories, part) != std::end(kHistories)) return true;
    return is_scratch(parts.back());
}

std::string target_of(const WatchedPath& watched, const std::string& path) {
    std::string relative = *below(path, watched.path), target = watched.target;
    // A file into a directory.
    if (relative.empty() && target.ends_with('/')) return target + path.substr(path.rfind('/') + 1);
    while (target.ends_with('/')) target.pop_back();
    if (relative.empty()) return target;
    return target + "/" + relative;
}

void react(const WatchedPath& watched, const std::string& path, Reaction& reaction) {
    if (copies(watched.action)) reaction.copies.insert({path, target_of(watched, path)});
    switch (watched.action) {
        case Action::rebuild: reaction.rebuild = true; break;
        case Action::restart:
        case Action::sync_restart: reaction.restart = true; break;
        case Action::sync_exec: reaction.commands.insert(watched.rule); break;
        case Action::sync: break;
    }
}

// Made of what this one's build makes: by its image's name, or as a context of its own build.
bool is_made_of(const compose::Service& service, const compose::Service& other) {
    if (!other.build) return false;
    if (deploy::whole_name(service.image) == deploy::whole_name(other.image)) return true;
    if (!service.build) return false;
    return std::ranges::any_of(service.build->contexts, [&](const auto& context) {
        return context.second == "service:" + other.name;
    });
}

bool starts_anew_with(const compose::Service& service, const std::string& other) {
    return std::ranges::any_of(service.depends_on, [&](const compose::Dependency& on) {
        return on.restart && on.service == other;
    });
}

}  // namespace

bool copies(Action action) {
    return action == Action::sync || action == Action::sync_restart || action == Action::sync_exec;
}

bool concerns(const WatchedPath& watched, const std::string& path) {
    std::optional<std::string> relative = below(path, watched.path);
    if (!relative) return false;
    if (relative->empty()) return true;
    if (never_matters(*relative) || watched.ignore.excluded(*relative)) return false;
    if (watched.include && !watched.include->excluded(*relative)) return false;
    if (watched.context.empty()) return true;
    std::optional<std::string> in_context = below(path, watched.context);
    return !in_context || !watched.context_ignore.excluded(*in_context);
}

bool enters(std::span<const WatchedPath> watched, const std::string& directory) {
    return std::ranges::any_of(watched, [&](const WatchedPath& one) {
        std::optional<std::string> relative = below(directory, one.path);
        if (!relative) return false;
        if (relative->empty()) return true;
        if (never_matters(*relative) || one.ignore.prune(*relative)) return false;
        std::optional<std::string> in_context = below(directory, one.context);
        return one.context.empty() || !in_context || !one.context_ignore.prune(*in_context);
    });
}

Reactions reactions_to(std::span<const WatchedPath> watched, const std::set<std::string>& paths) {
    Reactions reactions;
    for (const WatchedPath& one : watched)
        for (const std::string& path : paths)
            if (concerns(one, path)) react(one, path, reactions[one.service]);
    return reactions;
}

std::set<std::string> with_dependents(const compose::TypedProject& project,
                                      std::set<std::string> services,
                                      const std::set<std::string>& selected) {
    std::vector<std::string> stack(services.begin(), services.end());
    while (!stack.empty()) {
        const compose::Service* other = project.find(stack.back());
        stack.pop_back();
        if (other == nullptr) continue;
        for (const compose::Service& service : project.services) {
            bool with = is_made_of(service, *other) || starts_anew_with(service, other->name);
            if (with && selected.contains(service.name) && services.insert(service.name).second)
                stack.push_back(service.name);
        }
    }
    return services;
}

std::string named(const std::set<std::string>& paths, const std::string& directory) {
    if (paths.empty()) return "";
    const std::string& first = *paths.begin();
    std::string text = below(first, directory).value_or(first);
    if (text.empty()) text = first;
    std::size_t more = paths.size() - 1;
    return more == 0 ? text : text + " and " + std::to_string(more) + " more";
}

void Burst::hear(const std::string& path, bool made, Time saved, Time now) {
    if (paths_.empty()) first_ = saved_ = now;
    saved_ = std::min(saved_, saved);
    last_ = now;
    paths_.try_emplace(path, made);
}

Burst::Time Burst::end() const { return std::min(last_ + kQuiet, first_ + kLongest); }

}  // namespace crank::cli
