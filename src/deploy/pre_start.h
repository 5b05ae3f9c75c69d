// Steps before the start of a service's containers (Compose's pre_start): each in a container of
// its own, which is removed when it has ended. Internal.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "deploy/apply.h"
#include "deploy/patience.h"
#include "deploy/pending.h"

namespace crank::deploy {

// Those of Step::pre_start of these, which are of one service, one behind the other. They have the
// anonymous volumes of the container that a step has. Not of one that was kept frozen and is to go
// on. Errors: step_failed, with the step, its exit code and what it wrote last; the engine's.
// Whatever fails, no container of a step stays.
class PreStartRun : public Pending {
public:
    PreStartRun(const World& world, std::span<const Step> steps);
    bool is_empty() const { return left_.empty(); }
    Result<bool> look() override;
    Error give_up(Error error) override;

private:
    struct One {
        const Step* step;
        std::size_t index;
    };
    Result<void> begin(const One& one);
    Result<bool> look_at_running();
    std::string what(const One& one) const;

    const World& world_;
    std::vector<One> left_;  // the first of which runs, where one does
    bool begun_ = false, once_ = false;
    std::optional<Patience> patience_;  // with the one that runs
    std::string service_, running_;     // the latter: the id of its container
};

// The same, and then what `begin` begins; nothing: it is done with that.
class AfterPreStart : public Pending {
public:
    using Begin = std::function<Result<std::unique_ptr<Pending>>()>;
    AfterPreStart(const World& world, std::span<const Step> steps, Begin begin)
        : run_(world, steps), begin_(std::move(begin)) {}
    Result<bool> look() override;
    Error give_up(Error error) override;

private:
    PreStartRun run_;
    Begin begin_;
    std::unique_ptr<Pending> next_;
    bool ran_ = false;
};

// Of a command that was killed: containers of steps go. Under the project's lock.
Result<void> sweep_pre_start(const engine::Paths& paths, const std::string& project);

}  // namespace crank::deploy
