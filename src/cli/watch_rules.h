// What changes of files mean to a project's services, and which belong together: pure.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "compose/service.h"
#include "dockerfile/ignore.h"

namespace crank::cli {

// A file, or a directory with all that is below, whose changes concern a service.
struct WatchedPath {
    using Action = compose::WatchRule::Action;
    std::string service;
    Action action = Action::rebuild;
    std::string path;         // absolute, its links resolved
    std::string target = {};  // in the container, of what is copied
    std::size_t rule = 0;     // which of the service's
    bool initial_sync = false;
    dockerfile::IgnoreMatcher ignore = {};                  // of what is below it
    std::optional<dockerfile::IgnoreMatcher> include = {};  // nothing: all of it
    // What the ignore file of a build's context leaves out of that.
    std::string context = {};
    dockerfile::IgnoreMatcher context_ignore = {};
};

bool copies(WatchedPath::Action action);
// What is at `path` is `watched`, or below it and not left out. Editors' scratch files and the
// directories of git, hg and svn below it never concern anybody.
bool concerns(const WatchedPath& watched, const std::string& path);
// Whether something below the directory can.
bool enters(std::span<const WatchedPath> watched, const std::string& directory);

struct CopiedPath {
    std::string from, to;  // of this machine; in the container
    auto operator<=>(const CopiedPath&) const = default;
};
// What becomes of a service.
struct Reaction {
    bool rebuild = false, restart = false;
    std::set<CopiedPath> copies = {};
    std::set<std::size_t> commands = {};  // of rules
    bool operator==(const Reaction&) const = default;
};
using Reactions = std::map<std::string, Reaction>;  // by service
Reactions reactions_to(std::span<const WatchedPath> watched, const std::set<std::string>& paths);

// With those that are made of what these services' builds make, or start anew with them, of
// `selected`.
std::set<std::string> with_dependents(const compose::TypedProject& project,
                                      std::set<std::string> services,
                                      const std::set<std::string>& selected);

// "app.py", "app.py and 3 more", as seen from the directory.
std::string named(const std::set<std::string>& paths, const std::string& directory);

// Saves that belong together: an editor's rename, a checkout of many files. They are over once
// nothing has been heard for a while.
class Burst {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::milliseconds kQuiet{50}, kLongest{2000};

    // As sys::Heard has them: `made` where it was made. It was saved then, and is heard of now.
    void hear(const std::string& path, bool made, Time saved, Time now);
    bool empty() const { return paths_.empty(); }
    Time saved() const { return saved_; }  // the first of it
    // Of one that is not empty: when it is over, unless more is heard.
    Time end() const;
    // What was made in it and is there no longer is left out, and it is empty.
    template <class Exists>
    std::set<std::string> take(Exists&& exists) {
        std::set<std::string> paths;
        for (const auto& [path, made] : paths_)
            if (!made || exists(path)) paths.insert(path);
        paths_.clear();
        return paths;
    }

private:
    std::map<std::string, bool> paths_;
    Time saved_, first_, last_;
};

}  // namespace crank::cli
