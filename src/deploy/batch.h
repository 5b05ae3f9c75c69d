// Containers of a service that are made, or replaced, at once. Internal.
#pragma once

#include <functional>
#include <list>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "deploy/apply.h"
#include "deploy/failures.h"
#include "deploy/pending.h"
#include "deploy/pre_start.h"
#include "deploy/proof.h"
#include "deploy/replacing.h"
#include "deploy/traffic.h"
#include "deploy/warm.h"

namespace crank::deploy {

// All are started, and wait side by side; what proves itself beside others that answer gets its
// share then. Where there are none that do, what comes waits at the gateway.
class Creating : public Pending {
public:
    Creating(const World& world, Traffic& traffic) : world_(world), traffic_(traffic) {}
    Result<void> begin(std::span<const Step> steps);
    Result<bool> look() override;

private:
    struct New {
        const Step& step;
        std::string id;
        Proof proof;
    };
    Result<void> create(const Step& step);
    Result<void> let_in(const Step& step, const std::string& id);

    const World& world_;
    Traffic& traffic_;
    std::list<New> unproved_;
};

// All are started and prove themselves before the first takes its place. Where more fail than may,
// none does.
class Batch : public Pending {
public:
    using TookPlace = std::function<Result<void>(const Step&, const std::string& id)>;
    Batch(const World& world, Traffic& traffic, const Warm& warm, Failures& failures,
          TookPlace took_place)
        : world_(world),
          traffic_(traffic),
          warm_(warm),
          failures_(failures),
          took_place_(std::move(took_place)) {}
    // Errors: as look(): what was begun is undone by then.
    Result<void> begin(std::span<const Step> steps);
    Result<bool> look() override;
    Error give_up(Error error) override;

private:
    using One = std::list<Replacing>::iterator;
    Result<void> make_way(const Step& step);
    Result<void> start(One one);
    Result<bool> start_all();
    Result<bool> look_at_all();
    Result<void> switch_all();
    Result<void> end_old_ones();
    Result<void> failed(One one, Error error);

    const World& world_;
    Traffic& traffic_;
    const Warm& warm_;
    Failures& failures_;
    TookPlace took_place_;
    // Once all old ones have made way, and before the first new one starts.
    std::optional<PreStartRun> before_;
    std::list<Replacing> all_, placed_;  // those that have not taken their place, and that have
};

}  // namespace crank::deploy
