// What `crank dev` does to a project once something of its sources has been saved.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/project_up.h"
#include "cli/watch_rules.h"
#include "cli/watch_sources.h"

namespace crank::cli {

struct DevRequest {
    std::vector<std::string> services;  // that are watched; empty: all
    bool starts = true;                 // the project first
    bool dependencies = true;           // and what the services depend on
    bool ends = false;                  // it goes when watching ends
    bool prunes = true;                 // images go that a change has replaced
    std::optional<int> stop_seconds = {};
};

struct Save {
    std::string what;  // "src/app.py and 2 more"
    Burst::Time at;
};

// What fails is said, and leaves what was there; `cancel_fd` readable ends it.
class DevChanges {
public:
    DevChanges(Invocation& invocation, const DevRequest& request, int cancel_fd)
        : invocation_(invocation), request_(request), cancel_fd_(cancel_fd) {}

    // The services, and what they depend on, as the file and their sources are now; until they are
    // ready. Errors: as bring_up().
    Result<> begin(const LoadedProject& project);
    // Files of rules with initial_sync. Errors: those of reading directories.
    Result<> copy_all(const LoadedProject& project, const WatchedProject& watched,
                      const std::set<std::string>& services);

    void act(const LoadedProject& project, const WatchedProject& watched,
             const Reactions& reactions, const Save& save);
    // The project's files have changed.
    void begin_again(const LoadedProject& project, const Save& save);

private:
    UpRequest up_request(const LoadedProject& project) const;
    // Whether it may do something: the project is not down, and is nobody else's by now.
    Result<bool> wait_for_turn(const std::string& project) const;
    Result<> change_project(UpRequest request, const Save& save);
    Result<> rebuild(const LoadedProject& project, const std::set<std::string>& services,
                     const Save& save);
    Result<> copy(const LoadedProject& project, const std::string& service,
                  const std::set<CopiedPath>& paths, const std::optional<Save>& save);
    Result<> restart(const LoadedProject& project, const std::set<std::string>& services,
                     const Save& save);
    Result<> run(const LoadedProject& project, const std::string& service,
                 const std::set<std::size_t>& rules);
    void prune(const std::set<std::string>& images);
    // True: it went well.
    bool said(const Result<>& done, const std::string& consequence) const;

    Invocation& invocation_;
    const DevRequest& request_;
    int cancel_fd_;
};

}  // namespace crank::cli
