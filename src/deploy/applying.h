// What the steps of a plan do, one by one. Internal.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "deploy/addresses.h"
#include "deploy/apply.h"
#include "deploy/failures.h"
#include "deploy/pending.h"
#include "deploy/probation.h"
#include "deploy/traffic.h"
#include "deploy/warm.h"
#include "engine/networks/definition.h"

namespace crank::deploy {

// How many of these, from the first on, are carried out at once.
std::size_t count_at_once(std::span<const Step> steps);

class Applying {
public:
    Applying(const World& world, const Plan& plan)
        : world_(world),
          traffic_(world),
          addresses_(world),
          warm_(world, traffic_),
          failures_(plan.tolerances),
          probation_(world, failures_) {}

    // Steps that are carried out at once. Nothing: they are done; else they are once that is. Where
    // it fails they are as apply() says.
    Result<std::unique_ptr<Pending>> begin(std::span<const Step> steps);
    // So long as steps are carried out, and behind the last. Errors: as Probation.
    Result<void> look_after() { return probation_.look(); }
    Result<bool> is_over() { return probation_.is_over(); }
    // When all is done. Error: as Failures.
    Result<void> end();

private:
    Result<void> prepare_for(Action action);
    Result<std::unique_ptr<Pending>> begin_batch(std::span<const Step> steps);
    Result<std::unique_ptr<Pending>> begin_creating(std::span<const Step> steps);
    Result<std::unique_ptr<Pending>> make_all(std::span<const Step> steps);
    Result<std::unique_ptr<Pending>> begin_at_once(const Step& step);
    Result<std::unique_ptr<Pending>> begin_after_pre_start(std::span<const Step> steps);
    std::unique_ptr<Pending> begin_waiting(const Step& step);
    Result<void> carry_out(const Step& step);
    Result<void> create_network(const Step& step);
    void note_network(const engine::networks::Definition& network, const std::string& action);
    Result<void> create_volume(const Step& step);
    Result<void> start(const std::string& service, const std::string& id);
    Result<void> restart(const Step& step);
    Result<void> remove(const engine::Container& container);
    Result<void> cool(const Step& step);
    Result<void> finish(const Step& step);
    Result<void> remove_network(const Step& step);
    Result<void> remove_volume(const Step& step);
    Result<void> tell_in_use(Error error);

    const World& world_;
    Traffic traffic_;
    Addresses addresses_;
    Warm warm_;
    Failures failures_;
    Probation probation_;
    bool prepared_ = false;
};

}  // namespace crank::deploy
