// Carries a plan out, by the engine's own functions.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "compose/service.h"
#include "deploy/plan.h"
#include "engine/config.h"
#include "engine/networks/store.h"
#include "engine/paths.h"
#include "engine/state.h"

namespace crank::deploy {

struct Hooks {
    // Images are made and got by the caller's means.
    std::function<Result<void>(const compose::Service&)> build;
    std::function<Result<void>(const std::string& image)> pull;
    std::function<Result<void>(const compose::Service&)> prepare;  // a native release's directory
    std::function<void(const Step&)> begun, done;
    // What comes goes to the new container, and the old one is about to go. May be empty.
    std::function<void(const Step&)> switched = {};
    std::function<void(const std::string&)> warn, say;
    std::function<void(const std::string&)> waits;  // what is waited for, and how long already
};

struct World {
    const engine::Paths& paths;
    const engine::Config& config;
    engine::networks::Home home;
    const compose::TypedProject& project;
    const Desired& desired;
    std::string config_files;  // for the label
    Hooks hooks;
    bool starts = true;
    std::optional<int> stop_seconds;  // nothing: each container's own
    bool anonymous_volumes = false;   // of containers that are removed: they go, too
    int cancel_fd = -1;               // readable: it is to end; -1: never
};

// In order, and those of services side by side (Step::beside); the first error ends it, and what
// has been done stays: the next plan begins there. A container that cannot take another's place
// leaves that one as it was; where so many may fail (Plan::tolerances) the others go on. Errors:
// failed_precondition (a dependency that does not become what is wanted), cancelled, and the
// engine's.
Result<void> apply(const World& world, const Plan& plan);

// Of these, containers that somebody has asked to stop, and that still run (he was killed, or
// waits): until they have ended. What is led to them, or counted on, would be gone in a moment.
// True: there were some, and the look that found them is out of date.
Result<bool> end_stopping(const World& world, const std::vector<engine::Container>& containers);

// Until each container of the desired services runs, is healthy where it has a health check, or has
// ended with 0 where others wait for that. Errors: as a dependency's; deadline_exceeded.
Result<void> wait_ready(const World& world, std::optional<std::chrono::seconds> deadline);

}  // namespace crank::deploy
