// Replaced containers that stay frozen for `x-crank.rollout.keep_warm` (engine/warm.h). Internal.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/error.h"
#include "deploy/apply.h"
#include "deploy/traffic.h"

namespace crank::deploy {

class Warm {
public:
    Warm(const World& world, const Traffic& traffic) : world_(world), traffic_(traffic) {}

    // It goes on under the step's name, and answers on these ports and to its health check. False:
    // it does not, which is told, and it is gone.
    Result<bool> take_over(const Step& step, const std::set<std::uint16_t>& ports) const;
    // Once what goes through it has ended it stays, frozen. False: it may not.
    Result<bool> keep(const Step& step, const engine::Container& old) const;
    // Of one that has ended, and in whose place another is: cached.h. Best effort.
    void keep_files(const Step& step, const engine::Record& old, const std::string& next) const;

private:
    Result<void> prove(const std::string& id, const std::set<std::uint16_t>& ports,
                       const std::string& what) const;

    const World& world_;
    const Traffic& traffic_;
};

// Of this machine's, too little is left for what is there twice.
bool is_memory_short();
// Of a record whether it may be frozen: it holds neither a volume that others write to, nor a
// device, and shares nothing; of a native worker the label says so. Pure.
bool may_freeze(const engine::Record& record);

}  // namespace crank::deploy
