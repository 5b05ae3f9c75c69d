// stop, kill, rm, wait: verbs over a list of containers. One that fails does not keep the others
// from being done; the exit code says that something failed.
#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "base/units.h"
#include "cli/choice.h"
#include "cli/each.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "engine/health.h"
#include "engine/lifecycle.h"
#include "engine/volume.h"
#include "sys/poll.h"

namespace crank::cli {
namespace {

constexpr Flag kStopFlags[] = {
    {"time", 't', FlagKind::value, "SECONDS", "wait so long before it is killed (-1: for ever)"},
    {"timeout", 0, FlagKind::value, "SECONDS", "", "time"},
    {"signal", 's', FlagKind::value, "SIGNAL", "send this first"},
    {"all", 'a', FlagKind::boolean, "", "every container that runs"},
    kLatestFlag,
    kIgnoreFlag,
    kCidFileFlag,
    kChoiceFilterLetterFlag,
};
constexpr Flag kKillFlags[] = {
    {"signal", 's', FlagKind::value, "SIGNAL", "send this instead of KILL"},
    {"all", 'a', FlagKind::boolean, "", "every container that runs"},
    kLatestFlag,
    kCidFileFlag,
};
constexpr Flag kRmFlags[] = {
    {"force", 'f', FlagKind::boolean, "",
     "kill it first if it runs; one that is not there is no error"},
    {"volumes", 'v', FlagKind::boolean, "", "with the volumes that were made for it alone"},
    {"time", 't', FlagKind::value, "SECONDS",
     "with --force: ask it to end, and wait so long before it is killed"},
    kAllFlag,
    kLatestFlag,
    kIgnoreFlag,
    kCidFileFlag,
    kChoiceFilterFlag,
};
constexpr MissingFlag kRmMissing[] = {
    {"link", 0, false, "crank network disconnect NETWORK CONTAINER"},
    {"depend", 0, false, "name those that have its network first"}};
constexpr Flag kWaitFlags[] = {
    {"condition", 0, FlagKind::list, "STATE",
     "until it is that: healthy, running, exited, ... (stopped)"},
    {"interval", 'i', FlagKind::value, "DURATION", "how often to look for a --condition (250ms)"},
    {"ignore", 0, FlagKind::boolean, "", "one that is not there has the exit code -1"},
    kLatestFlag,
};
constexpr std::string_view kStopExamples[] = {"crank stop mail", "crank stop -t 30 mail other",
                                              "crank stop --all"};
constexpr std::string_view kKillExamples[] = {"crank kill mail", "crank kill -s HUP mail"};
constexpr std::string_view kRmExamples[] = {"crank rm mail", "crank rm -f -v mail",
                                            "crank rm --all --filter status=exited"};
constexpr std::string_view kWaitExamples[] = {"crank wait mail",
                                              "crank wait --condition healthy mail"};

Result<int> perform_stop(Invocation& invocation) {
    engine::StopOptions options = TRY(read_stop_options(invocation.arguments));
    return for_each_chosen(invocation, "stop", lives, [&](const Chosen& chosen) -> Result<> {
        auto stopped = TRY(engine::stop(invocation.paths, chosen.container, options));
        tell_of_kill(chosen.container.record, options, stopped);
        print_line(chosen.shown);
        return {};
    });
}

Result<int> perform_kill(Invocation& invocation) {
    std::string signal = invocation.arguments.value("signal", "KILL");
    // As kill(1) has it: -s -HUP.
    if (signal.starts_with('-')) signal.erase(0, 1);
    TRY(engine::check_signal(signal));
    return for_each_chosen(invocation, "kill", lives, [&](const Chosen& chosen) -> Result<> {
        TRY(engine::kill(invocation.paths, chosen.container, signal));
        print_line(chosen.shown);
        return {};
    });
}

// The polite way first, where a time is given for it.
Result<> remove_one(Invocation& invocation, const engine::Container& container,
                    const engine::StopOptions& stop) {
    bool force = invocation.arguments.on("force");
    if (force && stop.timeout.value_or(0) != 0)
        TRY(engine::stop(invocation.paths, container, stop));
    Result<> removed = engine::remove(invocation.paths, container, force);
    // With --rm it went by itself.
    bool gone = !removed && stop.timeout && removed.error().code() == Code::not_found;
    if (!gone) TRY(std::move(removed));
    if (!invocation.arguments.on("volumes")) return {};
    return engine::volumes::release(invocation.paths, container.record,
                                    engine::volumes::Anonymous::removed);
}

Result<int> perform_rm(Invocation& invocation) {
    engine::StopOptions stop;
    stop.timeout = TRY(read_seconds(invocation.arguments));
    bool force = invocation.arguments.on("force");
    if (stop.timeout && !force)
        return fail(Error(Code::usage, "--time is for a container that runs, which --force removes")
                        .with_hint("crank rm --force --time 30 mail"));
    Suits suits = [&](const engine::State& state) { return force || !lives(state); };
    Presence absent = force ? Presence::may_be_absent : Presence::wanted;
    return for_each_chosen(
        invocation, "rm", force ? Suits(any_state) : suits,
        [&](const Chosen& chosen) -> Result<> {
            TRY(remove_one(invocation, chosen.container, stop));
            print_line(chosen.shown);
            return {};
        },
        absent);
}

bool is_health(const std::string& word) {
    return word == engine::name_of(engine::HealthStatus::healthy) ||
           word == engine::name_of(engine::HealthStatus::unhealthy);
}

// Which of them it is; nothing: none. One that is not there has ended.
std::optional<std::string> which_of(const std::vector<std::string>& words,
                                    const engine::State& state) {
    bool running = state.status == engine::Status::running;
    auto found = std::ranges::find_if(words, [&](const std::string& word) {
        if (is_health(word))
            return running && state.health && engine::name_of(state.health->status) == word;
        return word == state_word(state) || (word == "stopped" && is_ended(state));
    });
    return found == words.end() ? std::nullopt : std::optional(*found);
}

Result<> check_conditions(const std::vector<std::string>& conditions) {
    constexpr std::string_view kKnown[] = {"created",  "dead",    "exited",     "paused",
                                           "removing", "running", "restarting", "stopped"};
    for (const std::string& word : conditions)
        if (!is_health(word) && std::ranges::find(kKnown, word) == std::end(kKnown))
            return fail(Error(Code::usage, "--condition \"" + word + "\": no such state")
                            .with_hint("created, running, healthy, unhealthy, paused, restarting, "
                                       "exited, stopped, removing"));
    return {};
}

// Of one that has ended, or never had a check, no health is to be expected.
Result<> check_health_to_come(const engine::Container& container,
                              const std::vector<std::string>& conditions, bool ended) {
    auto health = std::ranges::find_if(conditions, is_health);
    if (health == conditions.end()) return {};
    std::string name = engine::shown_name(container.record);
    if (!container.record.health)
        return fail(Error(Code::failed_precondition, "container " + name + " has no health check")
                        .with_hint("crank run --health-cmd COMMAND, or --probe URL"));
    if (ended)
        return fail(Error(Code::failed_precondition,
                          "container " + name + " ended before it was " + *health)
                        .with_hint("crank why " + name));
    return {};
}

// Looks now and then, as podman does: a state is nothing that could be waited for. What is to be
// printed: the exit code of one that has ended, which state of those it is otherwise.
Result<std::string> wait_for(const engine::Paths& paths, engine::Container container,
                             const std::vector<std::string>& conditions,
                             std::chrono::milliseconds interval) {
    // Held until its exit has been read: one with --rm is not removed before.
    sys::UniqueFd reading = engine::hold_exit(paths, container);
    std::optional<std::string> met;
    while (!(met = which_of(conditions, container.state))) {
        bool ended = container.state.status == engine::Status::exited;
        TRY(check_health_to_come(container, conditions, ended));
        TRY(sys::poll({}, interval));
        Result<engine::Container> now = engine::find(paths, container.record.id);
        if (!now && now.error().code() == Code::not_found) {
            TRY(check_health_to_come(container, conditions, true));
            return fail(Code::not_found,
                        "container " + engine::shown_name(container.record) +
                            " ended and was removed before its exit could be read");
        }
        container = TRY(std::move(now));
    }
    bool ended = container.state.status == engine::Status::exited;
    return ended ? std::to_string(container.state.exit.code) : *met;
}

// A number alone is milliseconds, as podman has it.
Result<std::chrono::milliseconds> read_interval(const std::string& text) {
    using std::chrono::milliseconds;
    auto number = parse_int(text);
    std::string with_unit = number ? text + "ms" : text;
    auto interval = TRY_IN(parse_duration(with_unit), "--interval");
    auto pause = std::chrono::duration_cast<milliseconds>(interval);
    if (pause < milliseconds(1))
        return fail(Error(Code::usage, "--interval " + text + ": at least 1ms").with_hint("250ms"));
    return pause;
}

Result<int> perform_wait(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::vector<std::string> conditions = arguments.values("condition");
    TRY(check_conditions(conditions));
    std::chrono::milliseconds pause = TRY(read_interval(arguments.value("interval", "250ms")));
    bool ignore = arguments.on("ignore");
    return for_each_chosen(
        invocation, "wait", any_state,
        [&](const Chosen& chosen) -> Result<> {
            print_line(conditions.empty()
                           ? std::to_string(TRY(engine::wait(invocation.paths, chosen.container)))
                           : TRY(wait_for(invocation.paths, chosen.container, conditions, pause)));
            return {};
        },
        ignore ? Presence::told_as_minus_one : Presence::wanted);
}

constexpr Syntax containers(std::span<const Flag> flags,
                            std::span<const MissingFlag> missing = {}) {
    return {.flags = flags,
            .missing = missing,
            .min_words = 0,
            .max_words = kAnyWords,
            .arguments = "CONTAINER [CONTAINER...]"};
}

}  // namespace

constinit const Verb kStop = {
    .name = "stop",
    .summary = "ask workers to end, then kill them",
    .group = Group::containers,
    .syntax = containers(kStopFlags),
    .examples = kStopExamples,
    .rights = Rights::ids,
    .perform = perform_stop,
};
constinit const Verb kKill = {
    .name = "kill",
    .summary = "kill workers, or send them a signal",
    .group = Group::containers,
    .syntax = containers(kKillFlags),
    .examples = kKillExamples,
    .rights = Rights::ids,
    .perform = perform_kill,
};
constinit const Verb kRm = {
    .name = "rm",
    .summary = "remove containers that have ended",
    .group = Group::containers,
    .syntax = containers(kRmFlags, kRmMissing),
    .examples = kRmExamples,
    .rights = Rights::ids,
    .perform = perform_rm,
};
constinit const Verb kWait = {
    .name = "wait",
    .summary = "wait until workers end, and print their exit codes",
    .group = Group::containers,
    .syntax = containers(kWaitFlags),
    .examples = kWaitExamples,
    .perform = perform_wait,
};

}  // namespace crank::cli
