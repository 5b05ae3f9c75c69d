// Addresses of services in plans. Internal, pure.
#pragma once

#include <vector>

#include "deploy/plan.h"

namespace crank::deploy {

// Where the service is to have an address and has none, or what comes to it goes elsewhere than to
// its containers that run: what a killed command left. At most one.
std::vector<Step> addressed_elsewhere(const Desired& desired, const DesiredService& service,
                                      const Observed& observed);
// Those that nobody wants any more; orphans keep theirs while they stay.
std::vector<Step> withdrawn(const Desired& desired, const Observed& observed, bool remove_orphans);

}  // namespace crank::deploy
