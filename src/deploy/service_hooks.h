// Commands in a container after its start and before its stop (Compose's lifecycle hooks), and what
// develop.watch has run in it.
#pragma once

#include <chrono>

#include "base/error.h"
#include "deploy/apply.h"
#include "engine/state.h"

namespace crank::deploy {

// Those of the service as it is wanted, in their order. Errors: step_failed, with what it printed;
// deadline_exceeded after the service's budget; the engine's (a program that is not there).
Result<void> run_post_start(const World& world, const std::string& service, const std::string& id);
// Those of the service as the container was made from. One that fails keeps nobody from stopping
// it, and is told.
void run_pre_stop(const World& world, const engine::Container& container);

// One command; where it has none nothing is run. Errors: step_failed and deadline_exceeded, with
// what it printed; cancelled (`cancel_fd` became readable; -1: never); the engine's.
Result<void> run_hook(const engine::Paths& paths, const engine::Container& container,
                      const compose::Hook& hook, std::chrono::milliseconds budget, int cancel_fd);

}  // namespace crank::deploy
