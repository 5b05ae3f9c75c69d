#include "deploy/wait.h"

#include <array>

#include "deploy/desired.h"
#include "deploy/observe.h"
#include "engine/lifecycle.h"
#include "sys/poll.h"
#include "sys/system.h"

namespace crank::deploy {
namespace {

using engine::HealthStatus;
using engine::Status;

constexpr std::chrono::milliseconds kLookAgain(25);
// Without a health check: one that is about to fail has done so by then.
constexpr std::chrono::milliseconds kSettles(500);

// Which of its lives it is: with a restart policy one that fails runs again at each look.
struct Life {
    std::int64_t started_at_ns = 0;
    int restarts = 0;
    bool operator==(const Life&) const = default;
};
Life life_of(const engine::Container& container) {
    return {container.state.started_at_ns, container.record.restart_count};
}

std::unexpected<Error> not_ready(const engine::Container& container, const std::string& what,
                                 const std::string& why) {
    std::string name = engine::shown_name(container.record);
    return fail(Error(Code::failed_precondition, what + ": container " + name + " " + why)
                    .with_hint("crank why " + name + "; crank logs " + name));
}

// Once it is decided: whether it is what is wanted.
std::optional<Result<void>> decide(const engine::Container& container, Awaited awaited,
                                   const std::string& what) {
    const engine::State& state = container.state;
    auto failed = [&](const std::string& why) { return not_ready(container, what, why); };
    bool ended = state.status == Status::exited;
    std::string code = std::to_string(state.exit.code);
    if (awaited == Awaited::completed) {
        if (!ended) return std::nullopt;
        if (state.exit.code == 0) return Result<void>();
        return failed("did not complete successfully: exit " + code);
    }
    if (ended) return failed("exited (" + code + ")");
    if (awaited == Awaited::healthy && !container.record.health)
        return failed("has no healthcheck configured");
    bool goes_on = awaited == Awaited::ready || awaited == Awaited::proved;
    if (goes_on && state.status == Status::restarting)
        return failed("exited (" + code + ") and is being started again");
    if (awaited == Awaited::proved && container.record.restart_count != 0)
        return failed("has ended and was started again");
    if (state.status != Status::running) return std::nullopt;
    if (!container.record.health) return Result<void>();
    HealthStatus health = state.health ? state.health->status : HealthStatus::starting;
    if (health == HealthStatus::unhealthy) return failed("is unhealthy");
    if (health == HealthStatus::healthy) return Result<void>();
    return std::nullopt;
}

using Clock = std::chrono::steady_clock;

// Decided by more than one look.
class Watch {
public:
    Watch(Awaited awaited, const std::string& what) : awaited_(awaited), what_(what) {}

    std::optional<Result<void>> look(const engine::Container& container) {
        bool goes_on = awaited_ == Awaited::ready || awaited_ == Awaited::proved;
        bool runs = container.state.status == Status::running;
        if (goes_on && runs && !first_) {
            first_ = life_of(container);
            since_ = Clock::now();
        }
        if (goes_on && runs && *first_ != life_of(container))
            return not_ready(container, what_, "has ended and was started again");
        auto decided = decide(container, awaited_, what_);
        bool good = decided && *decided;
        if (!good || !goes_on || container.record.health) return decided;
        if (Clock::now() - since_ < kSettles && !is_old(container)) return std::nullopt;
        return decided;
    }

private:
    // It has lived for long before anybody looked.
    static bool is_old(const engine::Container& container) {
        std::chrono::nanoseconds age(sys::wall_clock_ns() - container.state.started_at_ns);
        return container.record.restart_count == 0 && age >= kSettles;
    }

    Awaited awaited_;
    const std::string& what_;
    std::optional<Life> first_;
    Clock::time_point since_;
};

}  // namespace

Result<void> wait_for_container(const World& world, const std::string& id, Awaited awaited,
                                const std::string& what, Deadline deadline) {
    Watch watch(awaited, what);
    while (true) {
        engine::Container container = TRY(engine::find(world.paths, id));
        if (auto decided = watch.look(container)) return std::move(*decided);
        if (deadline && std::chrono::steady_clock::now() >= *deadline)
            return fail(Error(Code::deadline_exceeded, what + ": container " +
                                                           engine::shown_name(container.record) +
                                                           " is not ready in time")
                            .with_hint("crank logs " + engine::shown_name(container.record)));
        TRY(pause_for(world, kLookAgain));
    }
}

std::chrono::milliseconds budget_of(const World& world, const std::string& service) {
    // A worker that loads a model before it answers.
    constexpr std::chrono::seconds kUsual(120);
    const compose::Service* one = world.project.find(service);
    if (one == nullptr || one->worker.rollout.timeout.count() == 0) return kUsual;
    return std::chrono::ceil<std::chrono::milliseconds>(one->worker.rollout.timeout);
}

bool is_cancelled(const World& world) { return !pause_for(world, std::chrono::milliseconds(0)); }

Result<void> pause_for(const World& world, std::chrono::milliseconds time) {
    std::array entries = {sys::PollEntry{.fd = world.cancel_fd, .want_read = true}};
    if (TRY(sys::poll(entries, time)) && entries[0].readable)
        return fail(Code::cancelled, "interrupted");
    return {};
}

namespace {

Result<void> wait_for_those(const World& world, const Sight& sight, const std::string& service,
                            Awaited awaited, const std::string& what, Deadline deadline) {
    for (const ObservedContainer& container : sight.observed.containers)
        if (container.service == service)
            TRY(wait_for_container(world, container.id, awaited, what, deadline));
    return {};
}

}  // namespace

Result<void> wait_for_service(const World& world, const std::string& service, Awaited awaited,
                              const std::string& what, Deadline deadline) {
    Sight sight = TRY(observe(world.paths, world.desired.project));
    return wait_for_those(world, sight, service, awaited, what, deadline);
}

Result<void> wait_ready(const World& world, std::optional<std::chrono::seconds> seconds) {
    Deadline deadline;
    if (seconds) deadline = std::chrono::steady_clock::now() + *seconds;
    Sight sight = TRY(observe(world.paths, world.desired.project));
    for (const DesiredService& service : world.desired.services)
        TRY(wait_for_those(world, sight, service.name,
                           service.once ? Awaited::completed : Awaited::ready,
                           "service " + service.name, deadline));
    return {};
}

}  // namespace crank::deploy
