#include "engine/reason.h"

#include <algorithm>
#include <csignal>

#include "base/text.h"
#include "base/units.h"
#include "engine/names.h"
#include "policy/policy.h"
#include "sys/signals.h"

namespace crank::engine {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
// How long after a signal of crank's an end still counts as its work.
constexpr std::int64_t kSoon = 10 * kSecond;

std::string name_of(const Container& container) { return shown_name(container.record); }

std::string limit_text(const Container& container) {
    return format_size_binary(container.record.memory);
}

// "python3 (process 4711 of this machine)"
std::string victim_text(const runtime::Victim& victim) {
    return victim.name + " (process " + std::to_string(victim.pid) + " of this machine)";
}

std::string times(std::int64_t count) {
    return count == 1 ? "once" : std::to_string(count) + " times";
}

struct Facts {
    const Container& container;
    const State& state;
    runtime::EndFacts end;  // empty where none was recorded
    int signal = 0;

    explicit Facts(const Container& c)
        : container(c),
          state(c.state),
          end(c.state.end.value_or(runtime::EndFacts{})),
          signal(c.state.exit.signal) {}

    bool has_init() const { return container.record.init; }
    // By what `stop` sent first, just when it gave up to wait.
    bool ended_before_kill(const Asked& asked) const {
        return asked.grace_over && signal == asked.first_signal && signal != asked.signal;
    }
    // crank sent that signal (0: any) shortly before the end.
    const Asked* asked_for(int number) const {
        if (!state.asked) return nullptr;
        const Asked& asked = *state.asked;
        if (number != 0 && asked.signal != number && !ended_before_kill(asked)) return nullptr;
        std::int64_t within = kSoon;
        if ((asked.verb == "stop" || asked.verb == kUnhealthy) && !asked.grace_over)
            within = asked.grace < 0 ? INT64_MAX : within + asked.grace * kSecond;
        std::int64_t since = state.exit.finished_at_ns - asked.at_ns;
        return since >= -kSecond && since <= within ? &asked : nullptr;
    }
    std::int64_t kills() const { return end.oom_kills.value_or(state.exit.oom_killed ? 1 : 0); }
    // The init is no worker, but ends with it.
    bool is_worker(const runtime::Victim& victim) const {
        return victim.pid == end.worker_pid || victim.pid == end.first_pid;
    }
    const runtime::Victim* killed_worker() const {
        for (const runtime::Victim& victim : end.killed)
            if (is_worker(victim)) return &victim;
        return nullptr;
    }
    // Whether the worker itself was killed for want of memory, as far as it is known.
    bool worker_oom() const {
        if (kills() == 0 || signal != SIGKILL) return false;
        if (killed_worker() != nullptr) return true;
        bool log_tells = static_cast<std::int64_t>(end.killed.size()) >= kills();
        return !(log_tells && end.worker_pid != 0) && asked_for(SIGKILL) == nullptr;
    }
    bool own_limit() const {
        if (!end.killed.empty())
            return std::ranges::any_of(end.killed, &runtime::Victim::own_limit);
        return container.record.memory > 0 && end.limit_hits.value_or(1) > 0;
    }
};

// What the kernel killed, without the worker itself.
std::string victims_text(const Facts& facts) {
    std::string names;
    for (const runtime::Victim& victim : facts.end.killed)
        if (!facts.is_worker(victim)) names += (names.empty() ? "" : ", ") + victim_text(victim);
    return names;
}

Reason out_of_memory(const Facts& facts) {
    const runtime::Victim* victim = facts.killed_worker();
    std::string whom = victim != nullptr ? victim_text(*victim) : "the worker";
    if (!facts.own_limit())
        return {Cause::machine_oom,
                "out of memory (of the machine)",
                "the kernel killed " + whom +
                    " because the machine had no memory left; its own limit was not the reason",
                {}};
    std::string limit = limit_text(facts.container);
    return {Cause::oom,
            "out of memory (limit " + limit + ")",
            "the kernel killed " + whom + ": the container reached its memory limit of " + limit,
            {}};
}

Reason refused(const Facts& facts) {
    std::string how = "a system call filter ended it (SIGSYS)";
    if (!facts.end.denied)
        return {Cause::refused,
                "SIGSYS",
                how + ", or somebody sent it that signal; the kernel's log does not name a call",
                {}};
    const runtime::DeniedCall& denied = *facts.end.denied;
    auto found = policy::call_name(denied.number, denied.architecture);
    std::string call = found ? std::string(*found) : "number " + std::to_string(denied.number);
    return {Cause::refused,
            "system call " + call + " refused",
            how + " when it asked for the system call " + call,
            {}};
}

struct Fault {
    int signal;
    const char* text;
};
constexpr Fault kFaults[] = {
    {SIGSEGV, "it used memory that it does not have"},
    {SIGBUS,
     "it used memory behind which there is nothing: a file that was cut short, or a full "
     "/dev/shm"},
    {SIGILL, "it met an instruction that this processor does not have, or a trap of its compiler"},
    {SIGFPE, "it divided by zero, or the like"},
    {SIGTRAP, "it met a breakpoint that nobody waits for"},
    {SIGABRT, "it gave itself up (abort): an assertion or an error that it could not handle"},
};

const Fault* find_fault(int signal) {
    const auto* found = std::ranges::find(kFaults, signal, &Fault::signal);
    return found == std::end(kFaults) ? nullptr : found;
}

Reason asked_for(const Facts& facts, const Asked& asked) {
    if (asked.verb == kUnhealthy)
        return {
            Cause::unhealthy, asked.restarts > 0 ? "unhealthy" : "unhealthy, ended", asked.why, {}};
    bool in_time = !asked.grace_over || facts.ended_before_kill(asked);
    std::string name =
        sys::signal_name(in_time && asked.first_signal != 0 ? asked.first_signal : asked.signal);
    std::string command = "crank " + asked.verb;
    if (!in_time)
        return {Cause::stopped,
                "killed after " + std::to_string(asked.grace) + "s of crank stop",
                "crank stop sent " + sys::signal_name(asked.first_signal) + ", waited " +
                    std::to_string(asked.grace) + " s for it to end, and sent SIGKILL",
                {}};
    std::string brief = asked.verb == "stop" ? "stopped" : command;
    if (facts.signal == 0)
        return {Cause::stopped,
                brief,
                "it ended by itself with exit code " + std::to_string(facts.state.exit.code) +
                    " after " + command + " had sent " + name,
                {}};
    return {Cause::stopped, brief, command + " sent " + name + ", and it ended by that", {}};
}

// Who sent a signal that ended it, and that crank did not.
std::string sender_text(const Facts& facts) {
    std::string name = sys::signal_name(facts.signal);
    if (!facts.has_init())
        return facts.signal == SIGKILL ? "somebody on this machine sent SIGKILL; it was not crank"
                                       : name + " ended it; it was not crank that sent it";
    if (!facts.end.worker_known)
        return "somebody on this machine sent " + name +
               " to the container's first process; it was not crank, and processes of the "
               "container cannot";
    if (facts.end.passed_signal == facts.signal)
        return facts.end.passed_from_inside
                   ? "a process of the container sent " + name + " to its init, which passed it on"
                   : "somebody on this machine sent " + name +
                         " to the container; it was not crank";
    return name +
           " was sent to the worker itself, by a process of the container or by somebody on "
           "this machine; it was not crank";
}

Reason by_signal(const Facts& facts) {
    std::string name = sys::signal_name(facts.signal);
    if (facts.worker_oom()) return out_of_memory(facts);
    if (const Asked* asked = facts.asked_for(facts.signal)) return asked_for(facts, *asked);
    if (facts.signal == SIGSYS) return refused(facts);
    if (facts.end.caller_signal == facts.signal)
        return {Cause::stopped,
                name,
                "crank run passed on the " + name +
                    " that it got (Ctrl-C is SIGINT), and the worker ended by that",
                {}};
    if (facts.end.passed_signal != facts.signal)
        if (const Fault* fault = find_fault(facts.signal))
            return {Cause::fault,
                    name,
                    name + " ended it: " + fault->text +
                        ", unless a process of the container sent it that signal",
                    {}};
    bool outside = facts.signal == SIGKILL && !facts.end.worker_known && facts.state.end;
    return {Cause::signal, outside ? name + " from outside" : name, sender_text(facts), {}};
}

// What exit codes mean by the shells' convention (POSIX, "Exit Status for Commands").
std::string convention_text(int code) {
    constexpr int kNotExecutable = 126, kNotFound = 127, kSignals = 128, kMostSignals = 64;
    if (code == kNotExecutable) return "shells say so where a file cannot be executed";
    if (code == kNotFound) return "shells say so where a command does not exist";
    if (code > kSignals && code <= kSignals + kMostSignals)
        return "shells say so where a command of theirs was ended by " +
               sys::signal_name(code - kSignals) + "; the worker itself was ended by no signal";
    return "";
}

Reason by_itself(const Facts& facts) {
    int code = facts.state.exit.code;
    if (const Asked* asked = facts.asked_for(0)) return asked_for(facts, *asked);
    std::string text = "it ended by itself with exit code " + std::to_string(code);
    if (facts.end.caller_signal != 0)
        text += ", after crank run had passed on " + sys::signal_name(facts.end.caller_signal);
    if (std::string convention = convention_text(code); !convention.empty())
        text += ": " + convention;
    return {code == 0 ? Cause::finished : Cause::failed, "", text, {}};
}

void add_notes(const Facts& facts, Reason& reason) {
    bool worker = reason.cause == Cause::oom || reason.cause == Cause::machine_oom;
    std::int64_t others = facts.kills() - (worker ? 1 : 0);
    if (others > 0) {
        std::string names = victims_text(facts);
        std::string why = facts.own_limit() ? ": the container reached its memory limit of " +
                                                  limit_text(facts.container)
                                            : ", because the machine had no memory left";
        reason.notes.push_back("the kernel killed " +
                               (names.empty() ? std::to_string(others) +
                                                    (others == 1 ? " process" : " processes") +
                                                    " of the container"
                                              : names) +
                               (worker ? ", too" : why));
        bool bad_end = reason.cause == Cause::failed || reason.cause == Cause::signal;
        if (reason.brief.empty() && bad_end)
            reason.brief = facts.own_limit() ? "a process of it was out of memory (limit " +
                                                   limit_text(facts.container) + ")"
                                             : "a process of it was out of memory";
    }
    if (facts.end.pids_refused.value_or(0) > 0)
        reason.notes.push_back("it was refused a new process or thread " +
                               times(*facts.end.pids_refused) + ": it may have " +
                               std::to_string(facts.container.record.pids_limit) +
                               " (--pids-limit)");
}

}  // namespace

std::string_view cause_word(Cause cause) {
    switch (cause) {
        case Cause::starting: return "starting";
        case Cause::created: return "created";
        case Cause::running: return "running";
        case Cause::finished: return "finished";
        case Cause::failed: return "failed";
        case Cause::stopped: return "stopped";
        case Cause::unhealthy: return "unhealthy";
        case Cause::oom: return "oom";
        case Cause::machine_oom: return "machine-oom";
        case Cause::refused: return "refused";
        case Cause::fault: return "fault";
        case Cause::signal: return "signal";
        case Cause::lost: return "lost";
    }
    return "";
}

namespace {

std::string last_failure(const HealthState& health) {
    if (health.log.empty()) return "";
    const ProbeResult& last = health.log.back();
    std::string text = "exit code " + std::to_string(last.exit_code);
    std::string_view output = trim(last.output);
    if (!output.empty()) text += ", \"" + std::string(output.substr(0, output.find('\n'))) + "\"";
    return text;
}

Reason running(const Container& container) {
    const State& state = container.state;
    Reason reason{Cause::running, "", state.paused ? "it is paused" : "it runs", {}};
    if (container.record.unhealthy_restarts > 0)
        reason.notes.push_back("it was unhealthy and started again " +
                               times(container.record.unhealthy_restarts) + " in a row");
    if (!state.health || state.health->failing_streak == 0) return reason;
    const HealthState& health = *state.health;
    std::string failures = "its health check (" + describe(*container.record.health) + ") failed " +
                           times(health.failing_streak) + " in a row, last with " +
                           last_failure(health);
    if (health.status != HealthStatus::unhealthy) {
        reason.notes.push_back(failures);
        return reason;
    }
    reason.text += ", and is unhealthy: " + failures;
    return reason;
}

}  // namespace

Reason explain(const Container& container) {
    const State& state = container.state;
    switch (state.status) {
        case Status::starting: return {Cause::starting, "", "a command is starting it", {}};
        case Status::created: return {Cause::created, "", "it was never started", {}};
        case Status::running: return running(container);
        case Status::left_over:
            return {Cause::lost, "", "the command that was starting it was killed", {}};
        case Status::restarting:
        case Status::exited: break;
    }
    if (!state.error.empty()) return {Cause::lost, "end not seen", state.error, {}};
    Facts facts(container);
    Reason reason = facts.signal != 0 ? by_signal(facts) : by_itself(facts);
    add_notes(facts, reason);
    return reason;
}

std::vector<std::string> next_commands(const Container& container, const Reason& reason) {
    std::string name = name_of(container);
    switch (reason.cause) {
        case Cause::running:
            if (container.state.health && container.state.health->status == HealthStatus::unhealthy)
                return {"crank healthcheck run " + name, "crank logs " + name,
                        "crank restart " + name};
            return {"crank logs -f " + name, "crank exec -it " + name + " sh"};
        case Cause::unhealthy:
            return {"crank logs " + name, "crank inspect -f '{{json .State.Health}}' " + name,
                    "crank start " + name};
        case Cause::starting: return {"crank ps -a"};
        case Cause::created: return {"crank start " + name, "crank rm " + name};
        case Cause::oom:
            return {"crank run --memory=" + format_size_binary(2 * container.record.memory) +
                        " ...   (or less work at a time)",
                    "crank logs " + name, "crank rm " + name};
        case Cause::machine_oom:
            return {"crank run --memory=SIZE ...   (for each worker, so that none takes it all)",
                    "crank logs " + name, "crank rm " + name};
        default: return {"crank logs " + name, "crank inspect " + name, "crank rm " + name};
    }
}

std::string throttling_text(std::int64_t throttled_periods, std::optional<std::int64_t> periods,
                            std::int64_t throttled_ns) {
    if (throttled_periods <= 0) return "";
    std::string text = std::to_string(throttled_periods);
    if (periods.value_or(0) > 0)
        text += " of " + std::to_string(*periods) + " periods (" +
                std::to_string(throttled_periods * 100 / *periods) + "%)";
    else
        text += " periods";
    std::int64_t tenths = throttled_ns / (kSecond / 10);
    return text + ", " + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "s";
}

}  // namespace crank::engine
