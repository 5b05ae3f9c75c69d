// Which steps of pre_start run before which containers: pure.
#pragma once

#include <string>
#include <vector>

#include "deploy/plan.h"

namespace crank::deploy {

// What they have succeeded for, once they have: the service as it is wanted, and the images. For
// another one they run again.
std::string pre_start_key(const DesiredService& service);

// Fills in Step::pre_start of the steps of a service, in the order in which they are carried out.
// What is for all containers runs before the first one that starts, unless it succeeded for the
// same key; what is for each runs before each that is new.
void plan_pre_start(const DesiredService& service, const Observed& observed,
                    const PlanOptions& options, std::vector<Step>& steps);

}  // namespace crank::deploy
