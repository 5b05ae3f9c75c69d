#include "engine/health.h"

#include <algorithm>
#include <chrono>
#include <csignal>

#include "base/units.h"
#include "engine/events.h"
#include "engine/gateway.h"
#include "engine/lifecycle.h"
#include "engine/local/outside_probe.h"
#include "engine/local/probe.h"
#include "runtime/adopt.h"
#include "sys/file.h"
#include "sys/poll.h"
#include "sys/signals.h"
#include "sys/system.h"

namespace crank::engine {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLookAgain(20);
constexpr int kLongestStop = 600;  // seconds

Result<ProbeResult> probe(const Paths& paths, const Container& container,
                          const HealthCheck& check) {
    if (check.test[0] == kProbe) return local::run_outside_probe(container, check);
    return container.record.kind == Kind::native
               ? local::run_native_probe(container, check)
               : local::run_command_probe(paths, container, check);
}

// One probe at a time. Nothing: another is under way.
Result<std::optional<sys::UniqueFd>> lock_probes(const Paths& paths, const Container& container,
                                                 CheckedBy by) {
    constexpr milliseconds kMore(10'000);
    const HealthCheck& check = *container.record.health;
    const int probes = check.live.empty() ? 1 : 2;
    auto end = std::chrono::steady_clock::now() + times_of(check).timeout * probes + kMore;
    while (true) {
        auto lock = TRY(sys::try_lock_file(paths.monitor(container.record.id) + "/health.lock",
                                           sys::LockMode::exclusive));
        if (lock || by != CheckedBy::person) return lock;
        if (std::chrono::steady_clock::now() > end)
            return fail(Error(Code::in_use, "container " + shown_name(container.record) +
                                                " is being probed by another command")
                            .with_hint("crank inspect " + shown_name(container.record)));
        TRY(sys::poll({}, kLookAgain));
    }
}

// Whether what was probed is what there is.
bool is_same_life(const Paths& paths, const Container& container) {
    Result<State> now = look(paths, container.record.id);
    return now && now->status == Status::running && !now->paused &&
           now->pid == container.state.pid && now->start_time == container.state.start_time;
}

std::string times(int n) { return n == 1 ? "once" : std::to_string(n) + " times"; }

// "its health check failed 3 times in a row (exit code 1: connection refused), and ..."
std::string why_text(const HealthCheck& check, const HealthState& health, const ProbeResult& last,
                     const UnhealthyAction& action) {
    bool live = !check.live.empty();
    std::string text = (live ? "its live probe failed " : "its health check failed ") +
                       times(live ? health.live_streak : health.failing_streak) +
                       " in a row (last: " + shown(last) + ")";
    if (action.gives_up)
        return text + "; it had been restarted for that " + times(action.restarts) +
               " in a row, and --on-unhealthy=restart" +
               (check.most_restarts == 0 ? "" : ":" + std::to_string(check.most_restarts)) +
               " gives up after that";
    return text + ", and --on-unhealthy=" + std::string(name_of(action.action)) + " " +
           (action.action == OnUnhealthy::restart ? "started it again" : "ended it");
}

// Whether somebody has asked it to end already: what was begun takes its time.
bool is_ending(const Paths& paths, const Record& record) {
    std::optional<Asked> asked = read_asked(paths.monitor(record.id));
    if (!asked) return false;
    return asked->verb != "kill" || asked->signal == SIGKILL ||
           asked->signal == sys::signal_number(record.stop_signal);
}

// What cannot be performed has failed, as Docker counts it: a worker that cannot be asked is not
// known to be well.
ProbeResult not_probed(const Error& error) {
    std::int64_t now = sys::wall_clock_ns();
    return {.start_ns = now, .end_ns = now, .exit_code = -1, .output = error.text()};
}

// Whether it is to be started again is another question than whether it can serve.
ProbeResult probe_life(const Paths& paths, const Container& container, HealthCheck check) {
    check.test = check.live;
    auto probed = probe(paths, container, check);
    return probed ? std::move(*probed) : not_probed(probed.error());
}

// `last` says why.
Result<> act(const Paths& paths, const Container& container, const HealthState& before,
             const HealthState& health, const ProbeResult& last) {
    const HealthCheck& check = *container.record.health;
    UnhealthyAction action =
        decide(check, before, sys::wall_clock_ns(), container.record.unhealthy_restarts);
    if (action.action == OnUnhealthy::none) return {};
    bool again = action.action == OnUnhealthy::restart;
    StopOptions options{.timeout = std::nullopt, .signal = std::nullopt};
    // The check itself has a deadline, which it would not reach.
    if (container.record.stop_timeout < 0) options.timeout = kLongestStop;
    options.unhealthy = Asked{.verb = std::string(kUnhealthy),
                              .why = why_text(check, health, last, action),
                              .restarts = again ? action.restarts : 0};
    options.starts_again = again;
    if (action.action == OnUnhealthy::kill) options.signal = sys::signal_name(SIGKILL);
    // Before the signal: its monitor asks when it has ended.
    if (again)
        TRY(runtime::order_restart(paths.monitor(container.record.id),
                                   milliseconds(action.pause_ms)));
    Result<Stopped> stopped = stop(paths, container, options);
    if (stopped) return {};
    // Else it would be started again after an end of its own, much later.
    if (again) (void)runtime::withdraw_restart(paths.monitor(container.record.id));
    return fail(std::move(stopped).error());
}

// False: not now, and nobody has to be told.
Result<bool> may_be_checked(const Container& container, CheckedBy by) {
    const Record& record = container.record;
    std::string name = shown_name(record);
    if (!record.health)
        return fail(Error(Code::failed_precondition, "container " + name + " has no health check")
                        .with_hint("crank run --health-cmd COMMAND, or --probe http://:PORT/PATH"));
    if (container.state.status != Status::running) return fail(not_running(record));
    if (container.state.paused) {
        if (by != CheckedBy::person) return false;
        return fail(Error(Code::failed_precondition, "container " + name + " is paused")
                        .with_hint("crank unpause " + name));
    }
    return true;
}

}  // namespace

Result<std::optional<CheckedHealth>> check_health(const Paths& paths, const Container& container,
                                                  CheckedBy by) {
    if (!TRY(may_be_checked(container, by))) return std::nullopt;
    const Record& record = container.record;
    auto lock = TRY(lock_probes(paths, container, by));
    if (!lock) return std::nullopt;
    HealthCheck check = *record.health;
    if (by == CheckedBy::waiter)
        check.timeout = std::chrono::nanoseconds(std::min<std::chrono::nanoseconds>(
                                                     times_of(check).timeout, kMostWaiting))
                            .count();
    Result<ProbeResult> probed = probe(paths, container, check);
    if (!is_same_life(paths, container)) return std::nullopt;
    bool passed = probed && probed->exit_code == 0;
    if (!probed && by == CheckedBy::person) return fail(std::move(probed).error());
    ProbeResult result = probed ? std::move(*probed) : not_probed(probed.error());
    if (by == CheckedBy::waiter && !passed)
        return CheckedHealth{HealthStatus::starting, std::move(result)};
    HealthState before = read_health(paths, record.id, container.state);
    HealthState health = after(before, result, *record.health);
    ProbeResult last = result;
    if (!check.live.empty() && by != CheckedBy::waiter) {
        last = probe_life(paths, container, check);
        if (!is_same_life(paths, container)) return std::nullopt;
        health = after_live(std::move(health), last, check);
    }
    TRY(sys::write_file_atomic(paths.monitor(record.id) + "/" + kHealthFile, serialize(health),
                               0600, sys::Sync::no));
    if (health.status != before.status)
        note_container(paths, record, "health_status: " + std::string(name_of(health.status)));
    // Told again and again: one that takes the gateway's place knows nothing of it. It may lead
    // nowhere near; the next check tells again.
    bool ill = health.status == HealthStatus::unhealthy;
    if (ill || health.status != before.status) (void)tell_gateway_of_health(paths, record, !ill);
    // Also where it was unhealthy before: whoever was to act on that may have been killed.
    if (is_to_be_acted_on(health, check) && !is_ending(paths, record))
        TRY(act(paths, container, before, health, last));
    return CheckedHealth{health.status, std::move(result)};
}

}  // namespace crank::engine
