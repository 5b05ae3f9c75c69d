#include "deploy/wait.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/text.h"
#include "deploy/desired.h"
#include "deploy/observe.h"
#include "engine/health.h"
#include "engine/lifecycle.h"
#include "sys/poll.h"
#include "sys/system.h"

namespace crank::deploy {
namespace {

using engine::HealthStatus;
using engine::Status;

constexpr std::chrono::milliseconds kLookAgain(25), kPause(10);
// Without a health check: one that is about to fail has done so by then.
constexpr std::chrono::milliseconds kSettles(500);

// The worker's words, where they stand in a message.
std::string one_line(std::string_view text) {
    constexpr std::size_t kMost = 200;
    text = trim(text);
    std::string line(text.substr(0, std::min(text.find('\n'), kMost)));
    for (char& c : line)
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
    return line;
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

// It has lived for long before anybody looked.
bool is_old(const engine::Container& container) {
    std::chrono::nanoseconds age(sys::wall_clock_ns() - container.state.started_at_ns);
    return container.record.restart_count == 0 && age >= kSettles;
}

// Of several: those that are decided go. True: all are.
Result<bool> look_at_all(std::vector<Waiting>& all) {
    for (auto one = all.begin(); one != all.end();)
        one = TRY(one->look()) ? all.erase(one) : std::next(one);
    return all.empty();
}

}  // namespace

Waiting::Life Waiting::life_of(const engine::Container& container) {
    return {container.state.started_at_ns, container.record.restart_count};
}

// Decided by more than one look.
Result<bool> Waiting::judge(const engine::Container& container) {
    bool goes_on = awaited_ == Awaited::ready || awaited_ == Awaited::proved;
    bool runs = container.state.status == Status::running;
    if (goes_on && runs && !first_) {
        first_ = life_of(container);
        since_ = Clock::now();
    }
    if (goes_on && runs && *first_ != life_of(container))
        return not_ready(container, what_, "has ended and was started again");
    auto decided = decide(container, awaited_, what_);
    if (!decided) return false;
    if (!*decided) return fail(std::move(decided->error()));
    if (!goes_on || container.record.health) return true;
    return Clock::now() - since_ >= kSettles || is_old(container);
}

// Its monitor asks after an interval, which may be half a minute. True: it was asked, and is well.
// Once more after a while that grows with what it costs; not where it takes long.
bool Waiting::ask(const engine::Container& container) {
    const engine::State& state = container.state;
    bool starts = state.status == Status::running && !state.paused && container.record.health &&
                  (!state.health || state.health->status == HealthStatus::starting);
    auto begun = Clock::now();
    if (awaited_ == Awaited::completed || !starts || (next_ask_ && begun < *next_ask_))
        return false;
    auto checked = engine::check_health(world_->paths, container, engine::CheckedBy::waiter);
    if (checked && *checked && (*checked)->status == HealthStatus::healthy) return true;
    if (checked && *checked) last_answer_ = one_line((*checked)->result.output);
    constexpr std::chrono::milliseconds kFirst(100), kMost(5000);
    constexpr int kShare = 10;  // of the time, at most
    auto taken = Clock::now() - begun;
    pause_ = std::clamp<Clock::duration>(std::max(2 * pause_, kShare * taken), kFirst, kMost);
    next_ask_ = taken < engine::kMostWaiting ? Clock::now() + pause_ : Clock::time_point::max();
    return false;
}

std::string Waiting::missing(const engine::Container& container) const {
    const engine::State& state = container.state;
    if (awaited_ == Awaited::completed) return "it has not ended";
    if (state.status != Status::running) return "it does not run yet";
    if (state.paused) return "it is paused";
    std::string text = "its health check has not succeeded";
    if (!state.health || state.health->log.empty()) return text;
    return text + ": " + engine::shown(state.health->log.back());
}

Result<bool> Waiting::look() {
    if (Clock::now() < next_look_) return false;
    engine::Container container = TRY(engine::find(world_->paths, id_));
    if (TRY(judge(container))) return true;
    // What that has changed the next look sees.
    if (ask(container)) return false;
    next_look_ = Clock::now() + kLookAgain;
    patience_.look(*world_, container, [&] { return missing(container); });
    if (!deadline_ || Clock::now() < *deadline_) return false;
    std::string name = engine::shown_name(container.record);
    return fail(
        Error(Code::deadline_exceeded,
              what_ + ": container " + name + " is not ready in time" +
                  (last_answer_.empty() ? "" : ", and its health check says: " + last_answer_))
            .with_hint("crank logs " + name));
}

Result<bool> ServiceWaiting::look() {
    if (!all_) {
        Sight sight = TRY(observe(world_->paths, world_->desired.project));
        all_.emplace();
        for (const ObservedContainer& container : sight.observed.containers)
            if (container.service == service_)
                all_->emplace_back(*world_, container.id, awaited_, what_, std::nullopt);
    }
    return look_at_all(*all_);
}

Result<void> check_proved(const engine::Container& container, const std::string& what) {
    auto decided = decide(container, Awaited::proved, what);
    return decided ? std::move(*decided) : not_ready(container, what, "does not go on");
}

Result<void> wait_until(const World& world, const std::function<Result<bool>()>& look) {
    while (!TRY(look())) TRY(pause_for(world, kPause));
    return {};
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

Result<void> wait_ready(const World& world, std::optional<std::chrono::seconds> seconds) {
    Deadline deadline;
    if (seconds) deadline = Clock::now() + *seconds;
    Sight sight = TRY(observe(world.paths, world.desired.project));
    std::vector<Waiting> all;
    for (const DesiredService& service : world.desired.services)
        for (const ObservedContainer& container : sight.observed.containers)
            if (container.service == service.name)
                all.emplace_back(world, container.id,
                                 service.once ? Awaited::completed : Awaited::ready,
                                 "service " + service.name, deadline);
    return wait_until(world, [&] { return look_at_all(all); });
}

}  // namespace crank::deploy
