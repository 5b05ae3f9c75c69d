#include "engine/lifecycle.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "engine/adopt.h"
#include "engine/asked.h"
#include "engine/events.h"
#include "engine/names.h"
#include "engine/options.h"
#include "engine/other_runtime.h"
#include "engine/pause.h"
#include "engine/project_labels.h"
#include "engine/start_attempt.h"
#include "engine/sweep.h"
#include "runtime/adopt.h"
#include "runtime/host.h"
#include "sys/file.h"
#include "sys/poll.h"
#include "sys/signals.h"
#include "sys/stream.h"
#include "sys/system.h"

namespace crank::engine {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kForEver(-1);
constexpr milliseconds kUsualEnd(500), kAfterKill(10'000);
constexpr milliseconds kMonitorDone(30'000);  // it may be removing a large layer
constexpr milliseconds kLookAgain(10);
constexpr milliseconds kOtherStart(60'000);
constexpr int kSigKill = 9;

std::string shown(const Container& container) { return shown_name(container.record); }

Result<int> parse_signal(std::string_view text) {
    if (auto number = sys::signal_number(text)) return *number;
    std::string error = "unknown signal \"" + std::string(text) + "\"";
    if (parse_int(text)) error += ": signals are 1 to 64";
    return fail(
        Error(Code::invalid_argument, error).with_hint("a name or a number: TERM, SIGHUP, 10"));
}

bool is_running(const State& state) { return runtime::is_alive(state.pid, state.start_time); }

// To the container's first process, which passes it on or ends with everything in it. A native
// worker has no such process: its group gets the signal.
Result<> signal(const Paths& paths, const Container& container, int number) {
    const State& state = container.state;
    if (other::has(container.record)) {
        Result<> sent = other::signal(paths, container, number);
        if (sent || !is_running(state)) return {};
        // Where the runtime is gone or hangs, or knows the container no more, its process is known
        // all the same.
        if (number != kSigKill) return sent;
    }
    Result<> sent = runtime::signal_process(state.pid, state.start_time, number);
    if (sent && container.record.kind == Kind::native)
        sent = sys::signal_group(static_cast<int>(state.pid), number);
    if (!sent && sent.error().code() == Code::not_found) return {};
    return sent;
}

// Orphans of a native worker, and of who has another's pid namespace, have no PID 1 whose end would
// end them.
Result<> end_orphans(const Container& container) {
    bool ends_with_first =
        container.record.kind == Kind::container && container.record.settings.pid.empty();
    if (container.record.cgroups_path.empty() || ends_with_first) return {};
    return runtime::remove_cgroups(container.record.cgroups_path, TRY(runtime::probe_host()));
}

Result<> kill_all(const Paths& paths, const Container& container) {
    TRY(signal(paths, container, kSigKill));
    return end_orphans(container);
}

Result<bool> gone_within(const Container& container, milliseconds deadline) {
    return runtime::wait_gone(container.state.pid, container.state.start_time, deadline);
}

// Until the exit is recorded and, with --rm, everything is removed.
Result<> settle(const Container& container) {
    const State& state = container.state;
    if (state.monitor_pid <= 0) return {};
    if (TRY(runtime::wait_gone(state.monitor_pid, state.monitor_start_time, kMonitorDone)))
        return {};
    return fail(Code::deadline_exceeded,
                "the monitor of container " + shown(container) + " does not end");
}

// Before the signal: its monitor asks when it has ended.
Result<> end_policy(const Paths& paths, const Container& container) {
    const Record& record = container.record;
    bool by_health = record.health && record.health->on_unhealthy == OnUnhealthy::restart;
    if (record.restart.kind == RestartPolicy::Kind::no && !by_health) return {};
    return runtime::give_order(paths.monitor(container.record.id), runtime::Order::stay_ended);
}

Result<> kill_and_wait(const Paths& paths, const Container& container, Asked why) {
    why.signal = kSigKill;
    why.at_ns = sys::wall_clock_ns();
    bool starts_again = why.verb == kUnhealthy && why.restarts != 0;
    note_asked(paths.monitor(container.record.id), why);
    if (!starts_again) TRY(end_policy(paths, container));
    TRY(kill_all(paths, container));
    // On cgroup v1 what is frozen does not die.
    TRY(thaw(paths, container));
    // What is frozen does not die (cgroup v1): a command that was killed may have left it so.
    if (!TRY(gone_within(container, kUsualEnd)))
        TRY(runtime::kill_cgroups(container.record.cgroups_path, TRY(runtime::probe_host())));
    if (!TRY(gone_within(container, kAfterKill)))
        return fail(Code::deadline_exceeded, "container " + shown(container) +
                                                 " does not die (its first process is " +
                                                 std::to_string(container.state.pid) + ")");
    return starts_again ? Result<>() : settle(container);
}

// Of one that waits for its next start. It may be in the middle of it: then it runs, afterwards.
Result<Container> end_restarting(const Paths& paths, Container container) {
    while (container.state.status == Status::restarting) {
        // Whatever its policy is by now: it waits for a start.
        TRY(runtime::give_order(paths.monitor(container.record.id), runtime::Order::stay_ended));
        TRY(sys::poll({}, kLookAgain));
        container = TRY(load(paths, container.record.id));
    }
    return container;
}

// Not where that cannot be found out: what is believed absent is removed.
bool is_absent(const std::string& path) {
    Result<sys::FileInfo> info = sys::lstat(path);
    return !info && info.error().code() == Code::not_found;
}

// An error of this moment, not of the container.
bool is_passing(const Error& error) {
    switch (error.code()) {
        case Code::not_found:
        case Code::failed_precondition:  // it is still being made
        case Code::permission_denied:
        case Code::corrupt: return false;
        default: return true;
    }
}

bool is_left_over(const Paths& paths, const std::string& id, const Result<Container>& container) {
    if (is_being_started(paths, id)) return false;
    if (container) return container->state.status == Status::left_over;
    return !has_record(paths, id);
}

// True: it is gone. Whoever makes a container locks its directory right after making it. Without a
// record it may just have been made: it is removed under that lock alone.
Result<bool> discard_left_over(const Paths& paths, const std::string& id) {
    Result<sys::UniqueFd> dir = sys::open_dir(paths.container(id));
    if (!dir && dir.error().code() != Code::not_found) return fail(std::move(dir).error());
    if (dir && !has_record(paths, id) &&
        (!TRY(sys::try_lock_fd(dir->get(), sys::LockMode::exclusive, id)) || has_record(paths, id)))
        return false;
    TRY(discard(paths, id));
    return true;
}

// Of containers whose removal was killed half way. A container's own directory is made before its
// monitor's and removed before it.
void sweep_monitor_directories(const Paths& paths) {
    Result<std::vector<std::string>> ids = sys::list_dir(paths.state + "/containers");
    if (!ids) return;
    for (const std::string& id : *ids)
        if (is_id(id) && is_absent(paths.container(id))) (void)sys::remove_tree(paths.monitor(id));
}

// Who thinks in services has typed one's name.
std::string hint_for(const Paths& paths, std::string_view name) {
    auto containers = list(paths);
    if (!containers || name.empty()) return "crank ps -a";
    for (const Container& container : *containers) {
        const auto& labels = container.record.labels;
        auto service = labels.find(std::string(kServiceLabel));
        auto project = labels.find(std::string(kProjectLabel));
        if (service == labels.end() || project == labels.end() || service->second != name) continue;
        return "it is a service of project " + project->second + ": crank compose -p " +
               project->second + " COMMAND " + std::string(name) + ", or its container " +
               shown_name(container.record);
    }
    return "crank ps -a";
}

Error no_such(const Paths& paths, std::string_view name) {
    return Error(Code::not_found, "no such container: " + std::string(name))
        .with_hint(hint_for(paths, name));
}

}  // namespace

Result<Container> find(const Paths& paths, std::string_view name_or_id) {
    Result<std::string> resolved = resolve(paths, name_or_id);
    if (!resolved && resolved.error().code() == Code::not_found)
        return fail(no_such(paths, name_or_id));
    std::string id = TRY(std::move(resolved));
    Result<Container> container = load_watched(paths, id);
    bool gone = !container && container.error().code() == Code::not_found;
    if (is_left_over(paths, id, container)) gone = TRY(discard_left_over(paths, id));
    if (gone) sweep_names(paths);
    if (gone) return fail(no_such(paths, name_or_id));
    if (container && has_killed_start(paths, *container)) sweep_start(paths, id);
    return container;
}

Result<std::vector<Container>> list(const Paths& paths) {
    std::vector<Container> containers;
    Result<std::vector<std::string>> ids = sys::list_dir(paths.containers());
    if (!ids) {
        if (ids.error().code() == Code::not_found) return containers;
        return fail(std::move(ids).error());
    }
    for (const std::string& id : *ids) {
        if (!is_id(id)) {
            if (id.ends_with(".going")) (void)sys::remove_tree(paths.containers() + "/" + id);
            continue;
        }
        Result<Container> container = load_watched(paths, id);
        if (container && container->state.status != Status::left_over) {
            if (has_killed_start(paths, *container)) sweep_start(paths, id);
            if (!is_going(*container)) containers.push_back(std::move(*container));
        } else if (is_left_over(paths, id, container)) {
            // Without rights to it, it is not ours to sweep; the one who may, will.
            (void)discard_left_over(paths, id);
        } else if (!container && is_passing(container.error())) {
            // Left out in silence it would seem to be gone.
            return fail(std::move(container).error());
        }
    }
    sweep_monitor_directories(paths);
    sweep_names(paths);
    sweep_former_names(paths, containers);
    std::sort(containers.begin(), containers.end(), [](const Container& a, const Container& b) {
        return a.record.created_ns > b.record.created_ns;
    });
    return containers;
}

Result<> check_signal(std::string_view text) {
    TRY(parse_signal(text));
    return {};
}

Result<Stopped> stop(const Paths& paths, const Container& found, const StopOptions& options) {
    int number = TRY(parse_signal(options.signal.value_or(found.record.stop_signal)));
    Container container = TRY(end_restarting(paths, found));
    if (container.state.status != Status::running) return Stopped::before;
    if (options.keep && container.record.remove)
        TRY(runtime::give_order(paths.monitor(container.record.id), runtime::Order::keep));
    if (!options.starts_again) TRY(end_policy(paths, container));
    int seconds = options.timeout.value_or(container.record.stop_timeout);
    Asked asked = options.unhealthy.value_or(Asked{.verb = "stop"});
    asked.signal = asked.first_signal = number;
    asked.grace = seconds;
    asked.at_ns = sys::wall_clock_ns();
    note_asked(paths.monitor(container.record.id), asked);
    note_container(paths, container.record, "kill", {{"signal", std::to_string(number)}});
    TRY(signal(paths, container, number));
    TRY(thaw(paths, container));
    milliseconds deadline = seconds < 0 ? kForEver : milliseconds(std::int64_t{seconds} * 1000);
    asked.grace_over = true;
    bool ended = TRY(gone_within(container, deadline));
    if (!ended)
        TRY(kill_and_wait(paths, container, asked));
    else if (!options.starts_again)
        TRY(settle(container));
    note_container(paths, container.record, "stop");
    TRY(end_orphans(container));
    // That it was stopped is known after a reboot: looking keeps it.
    (void)look(paths, container.record.id);
    return ended ? Stopped::asked : Stopped::killed;
}

Result<> kill(const Paths& paths, const Container& container, std::string_view text) {
    int number = TRY(parse_signal(text));
    if (container.state.status == Status::restarting) {
        // What runs by now is another start of it.
        Container now = TRY(end_restarting(paths, container));
        return now.state.status == Status::running ? kill(paths, now, text) : Result<>();
    }
    if (container.state.status != Status::running) return fail(not_running(container.record));
    Asked asked{.verb = "kill", .signal = number, .at_ns = sys::wall_clock_ns()};
    note_container(paths, container.record, "kill", {{"signal", std::to_string(number)}});
    if (number == kSigKill) return kill_and_wait(paths, container, asked);
    note_asked(paths.monitor(container.record.id), asked);
    bool ends = sys::signal_number(container.record.stop_signal) == number;
    if (ends) TRY(end_policy(paths, container));
    TRY(signal(paths, container, number));
    return ends ? thaw(paths, container) : Result<>();
}

sys::UniqueFd hold_exit(const Paths& paths, const Container& container) {
    Result<sys::UniqueFd> dir = sys::open_dir(paths.monitor(container.record.id));
    if (!dir) return {};
    (void)sys::try_lock(dir->get(), sys::LockMode::shared);
    return std::move(*dir);
}

Result<int> wait(const Paths& paths, const Container& container) {
    if (is_at_rest(container.state)) return container.state.exit.code;
    // Held until the exit has been read: the monitor of a container that removes itself waits.
    sys::UniqueFd reading = hold_exit(paths, container);
    if (container.state.status == Status::running) TRY(gone_within(container, kForEver));
    Result<State> state = look(paths, container.record.id);
    while (state && !is_at_rest(*state) && state->status != Status::left_over) {
        if (state->status == Status::running)
            TRY(runtime::wait_gone(state->pid, state->start_time, kForEver));
        else
            TRY(sys::poll({}, kLookAgain));
        state = look(paths, container.record.id);
    }
    // Killed meanwhile with its guard: how the container ended may be told all the same.
    if (Container now{container.record, state ? *state : State{}};
        state && is_unwatched(paths, now) && adopt(paths, now))
        state = look(paths, container.record.id);
    if (!state)
        return fail(Code::not_found, "container " + shown(container) +
                                         " ended and was removed before its exit could be read");
    return state->exit.code;
}

namespace {

// Why it cannot be removed as it is; empty: it can.
std::string_view obstacle(const State& state) {
    switch (state.status) {
        case Status::starting: return "being started";
        case Status::running: return state.paused ? "paused" : "running";
        case Status::restarting: return "restarting";
        default: return "";
    }
}

Result<> check_removable(const Container& container, bool force) {
    std::string_view what = obstacle(container.state);
    if (what.empty() || force) return {};
    std::string name = shown(container);
    return fail(Error(Code::in_use, "container " + name + " is " + std::string(what))
                    .with_hint("crank stop " + name + ", or crank rm -f " + name));
}

// Whatever it is doing. Of one that is being started, until it runs or that command is gone: a
// process on its way into crank-shim may hold the lock of a start that was killed.
Result<Container> bring_to_rest(const Paths& paths, Container container, bool force) {
    auto end = std::chrono::steady_clock::now() + kOtherStart;
    while (container.state.status != Status::running) {
        if (container.state.status == Status::restarting) {
            container = TRY(end_restarting(paths, std::move(container)));
            continue;
        }
        // Its monitor may be removing it (--rm) at this moment, or have become the command that
        // starts it again.
        TRY(settle(container));
        Result<Container> now = load(paths, container.record.id);
        if (!now) return container;
        if (obstacle(now->state).empty()) {
            TRY(settle(*now));  // it may have been started and have ended since
            return container;
        }
        TRY(check_removable(*now, force));
        if (std::chrono::steady_clock::now() > end)
            return fail(Error(Code::deadline_exceeded, "container " + shown(container) +
                                                           " is still being started by another "
                                                           "command")
                            .with_hint("crank ps -a"));
        container = std::move(*now);
        if (container.state.status == Status::starting) TRY(sys::poll({}, kLookAgain));
    }
    TRY(kill_and_wait(paths, container, {.verb = "rm"}));
    return container;
}

}  // namespace

Result<> remove(const Paths& paths, const Container& found, bool force) {
    Container container = found;
    const std::string id = container.record.id;
    TRY(check_removable(container, force));
    container = TRY(bring_to_rest(paths, std::move(container), force));
    if (!sys::exists(paths.container(id))) return {};
    // A start of it by another command: that one has it now.
    if (is_at_rest(container.state) && !force && is_being_started(paths, id))
        return fail(Error(Code::in_use, "container " + shown(container) + " is being started")
                        .with_hint("crank rm -f " + shown(container)));
    TRY(discard(paths, id));
    note_container(paths, container.record, "destroy");
    return {};
}

}  // namespace crank::engine
