// A plan that is written to be carried out later, by `crank deploy --plan`: exactly so, or not at
// all.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "deploy/plan.h"
#include "deploy/releases.h"

namespace crank::deploy {

struct SavedStep {
    std::string text;       // as describe() has it
    std::string container;  // the id of what is there; empty: nothing is
    bool operator==(const SavedStep&) const = default;
};

struct SavedPlan {
    // What is to be there, of the plan's services alone; its number says nothing.
    Release release;
    Recreate recreate = Recreate::changed;
    bool remove_orphans = false, waits = true;
    std::vector<SavedStep> steps;
    bool operator==(const SavedPlan&) const = default;
};

std::vector<SavedStep> saved_steps(const Plan& plan);

// JSON; it has the values of variables that secrets and configs hold.
std::string serialize(const SavedPlan& plan);
// Errors: corrupt.
Result<SavedPlan> parse_saved_plan(std::string_view json);

// Whether what would be done now is what was planned. Errors: failed_precondition, with the first
// step that is another.
Result<> check_same(const std::vector<SavedStep>& planned, const Plan& now);

}  // namespace crank::deploy
