// Containers of a service that are replaced together, and which of them may fail: pure. Internal.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "deploy/plan.h"

namespace crank::deploy {

// Whether one more is replaced together with the last of these steps. A canary is alone.
bool has_room(const std::vector<Step>& steps, std::int64_t parallelism);

// What was kept frozen makes room for what these steps keep, behind all of them: nothing comes
// between two of a batch.
void take_room(const DesiredService& service, const Observed& observed, std::vector<Step>& steps);

// Of the services of which containers are replaced. A rollback waits for its monitor: nobody goes
// further back behind it.
std::map<std::string, Tolerance> tolerances(const Desired& desired, const std::vector<Step>& steps,
                                            bool back);

}  // namespace crank::deploy
