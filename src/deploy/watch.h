// Whether a project that was changed goes on well.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "deploy/observe.h"

namespace crank::deploy {

// A container as it was when the watch began.
struct Before {
    int restarts = 0;
    bool well = true;
};
using WatchedFrom = std::map<std::string, Before>;  // by id
WatchedFrom watched_from(const std::vector<engine::Container>& containers);

// Which share of a service's containers may be in trouble, by its name; of others none.
using Shares = std::map<std::string, double>;

// Pure. What has become of one of them since, a sentence without its end: "container shop-web-1 is
// unhealthy". Empty: nothing, or of no more than may. One that somebody has stopped or removed is
// none, nor one that ended with 0, or that was no better before.
std::string trouble(const std::vector<engine::Container>& containers, const WatchedFrom& before,
                    const Shares& shares = {});

}  // namespace crank::deploy
