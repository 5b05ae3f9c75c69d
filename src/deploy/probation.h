// Containers that have just taken another's place, as deploy.update_config.monitor says. Internal.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/error.h"
#include "deploy/apply.h"
#include "deploy/failures.h"
#include "deploy/watch.h"

namespace crank::deploy {

// So long as the change goes on, for who looks again and again. Behind it a watch begins (watch.h).
class Probation {
public:
    Probation(const World& world, Failures& failures) : world_(world), failures_(failures) {}

    Result<void> add(const Step& step, const std::string& id);
    // One that fails is told of. Error: failed_precondition, where it is one too many.
    Result<void> look();
    // A last look, once all is done. False: there are some whose time is waited for.
    Result<bool> is_over();

private:
    using Clock = std::chrono::steady_clock;
    struct One {
        std::string service, id;
        Clock::time_point until, next_look;
        WatchedFrom before;
    };
    Result<bool> look_at(One& one);
    Result<void> note(const One& one, const std::string& name, std::string why);

    const World& world_;
    Failures& failures_;
    std::vector<One> all_;
};

}  // namespace crank::deploy
