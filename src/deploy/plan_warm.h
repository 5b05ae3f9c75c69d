// Replaced containers that stay frozen, in plans. Internal, pure.
#pragma once

#include <string>
#include <vector>

#include "deploy/plan.h"

namespace crank::deploy {

// The one that is what a container of the service with this number is to be. Empty: none.
std::string warm_for(const DesiredService& service, std::int64_t number, const Observed& observed);
// Of those that had a container's place all but `kept`: another is kept by now.
std::vector<Step> made_room(const DesiredService& service, std::int64_t number,
                            const std::string& kept, const Observed& observed);
// Those to which nobody goes back.
std::vector<Step> cooled(const Desired& desired, const Observed& observed);
Step removal_of(const ObservedWarm& warm, std::string reason);

}  // namespace crank::deploy
