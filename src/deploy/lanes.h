// Steps of several services side by side. Internal.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "deploy/applying.h"

namespace crank::deploy {

// One thread: what is done is done in turn, in the order of the plan, and all that waits is looked
// at together. The steps of a service begin once those that it depends on are done. The first error
// ends it: what is not proved is undone.
class Lanes {
public:
    Lanes(const World& world, Applying& applying, std::span<const Step> steps);
    Result<void> run();

private:
    struct Lane {
        std::string service;
        std::span<const Step> left;
        std::set<std::string> behind;  // services that have a lane
        std::unique_ptr<Pending> pending = nullptr;
        bool replaces = false;
        std::chrono::steady_clock::time_point not_before = {};
        bool is_done() const { return left.empty() && pending == nullptr; }
    };
    Result<bool> go_on(Lane& lane);
    Result<bool> begin(Lane& lane);
    void done(Lane& lane);
    bool may_begin(const Lane& lane) const;
    const Lane* find(const std::string& service) const;
    Result<bool> are_over();
    Result<bool> go_on_all();
    Error give_up(Error error);

    const World& world_;
    Applying& applying_;
    std::vector<Lane> lanes_;
};

}  // namespace crank::deploy
