// What of a project is there.
#pragma once

#include <vector>

#include "base/error.h"
#include "deploy/plan.h"
#include "engine/config.h"
#include "engine/paths.h"
#include "engine/state.h"

namespace crank::deploy {

struct Sight {
    Observed observed;
    std::vector<engine::Container> containers;  // the same, as the engine has them
    std::vector<engine::Container> warm;        // the same of those that are kept frozen
};

// By its labels; one that was run once beside the project is not.
bool is_of(const engine::Container& container, const std::string& project);
// One that was replaced and is kept frozen.
bool is_warm_of(const engine::Container& container, const std::string& project);
Result<Sight> observe(const engine::Paths& paths, const std::string& project);

// Fills in the ids of the images that are here.
Result<void> find_images(const engine::Paths& paths, const engine::Config& config,
                         Desired& desired);

// After a plan has been carried out: records that no container needs any more go.
Result<void> tidy(const engine::Paths& paths, const std::string& project);

}  // namespace crank::deploy
