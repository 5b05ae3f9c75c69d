// GPUs in plans: whether a new container can have its own beside the old one. Internal, pure.
#pragma once

#include <map>
#include <set>
#include <string>

#include "deploy/plan.h"

namespace crank::deploy {

class SpareGpus {
public:
    explicit SpareGpus(const Desired& desired) : desired_(desired) {}

    // Why the old one has to go first. Empty: the new one gets others, which count as taken until
    // the next batch of the service has those of this one's old containers. `together`: with the
    // one before it. One that has none itself makes no room.
    std::string in_the_way(const DesiredService& service, const ObservedContainer& old,
                           bool together);

private:
    bool has_some(const ObservedContainer& old) const;
    bool is_free(const GpuChoice::Gpu& gpu) const;

    const Desired& desired_;
    std::map<std::string, std::set<std::string>> taken_;  // by service
};

}  // namespace crank::deploy
