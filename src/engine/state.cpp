#include "engine/state.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include "base/text.h"
#include "engine/names.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/owned_file.h"
#include "sys/poll.h"

namespace crank::engine {
namespace {

constexpr std::size_t kMaxRecord = std::size_t{8} << 20;
constexpr std::chrono::milliseconds kOtherCommand(10'000), kLookAgain(10);
constexpr std::size_t kMaxNotes = std::size_t{64} << 10;
// Between the end of the process and the monitor's record of it lies one wait(2); the monitor may
// be waiting for a processor.
constexpr std::chrono::milliseconds kRecordDelay(5000);
// Until the guard of a monitor that was killed has taken its place, and has seen what happened.
constexpr std::chrono::milliseconds kSuccession(150);

// `exit` last: where it lies, the others do.
constexpr const char* kKept[] = {"/state", "/end", "/asked", "/health", "/exit"};
constexpr std::size_t kMaxKept = std::size_t{256} << 10;

// Those of an earlier end count as none.
bool has_kept(const Paths& paths, const std::string& id, const runtime::ExitStatus& exit) {
    Result<runtime::ExitStatus> kept = runtime::read_exit_status(paths.container(id));
    return kept && kept->finished_at_ns == exit.finished_at_ns;
}

std::string read_start_error(const Paths& paths, const std::string& id) {
    constexpr std::size_t kMaxText = std::size_t{64} << 10;
    Result<std::string> text = sys::read_file(paths.container(id) + "/" + kStartError, kMaxText);
    return text ? std::string(trim(*text)) : "";
}

std::vector<std::string> read_notes(const std::string& dir) {
    std::vector<std::string> notes;
    Result<std::string> text = sys::read_file(dir + "/" + kNotes, kMaxNotes);
    if (!text) return notes;
    for (const auto& line : split(trim(*text), '\n')) notes.emplace_back(line);
    return notes;
}

State exited(const std::string& dir, const runtime::ExitStatus& exit,
             const Result<runtime::MonitorState>& monitor) {
    State state{.status = Status::exited, .exit = exit, .asked = read_asked(dir)};
    // Of a container that an older crank started there is none.
    if (Result<runtime::EndFacts> end = runtime::read_end(dir)) state.end = std::move(*end);
    if (monitor) {
        state.monitor_pid = monitor->monitor_pid;
        state.monitor_start_time = monitor->monitor_start_time;
        state.started_at_ns = monitor->started_at_ns;
    }
    return state;
}

State lost(const std::string& dir, std::string why, const Result<runtime::MonitorState>& monitor) {
    State state = exited(dir, {.code = kLostExit}, monitor);
    state.error = std::move(why);
    return state;
}

// A record that cannot be read is none that is absent: a container that runs would be taken for one
// whose start was killed, and removed.
template <typename T>
Result<std::optional<T>> if_there(Result<T> read) {
    if (read) return std::optional<T>(std::move(*read));
    if (read.error().code() == Code::not_found) return std::optional<T>();
    return fail(std::move(read).error());
}

// The one who does it is the monitor, and then the command that it has become.
std::optional<State> restarting(const std::string& dir) {
    Result<std::string> text = sys::read_file(dir + "/restarting", 256);
    if (!text) return std::nullopt;
    std::vector<std::int64_t> numbers;
    for (const auto& word : split(trim(*text), ' '))
        if (auto number = parse_int(word)) numbers.push_back(*number);
    if (numbers.size() != 4) return std::nullopt;
    State state{.status = Status::restarting,
                .restarter_pid = static_cast<pid_t>(numbers[0]),
                .restarter_start_time = static_cast<std::uint64_t>(numbers[1]),
                .restarts = static_cast<int>(numbers[2])};
    if (!runtime::is_alive(state.restarter_pid, state.restarter_start_time)) return std::nullopt;
    return state;
}

// Neither a state nor an exit.
State never_started(const Paths& paths, const std::string& id, Lock lock) {
    if (sys::exists(paths.container(id) + "/" + kCreated) && has_record(paths, id))
        return {.status = Status::created, .start_error = read_start_error(paths, id)};
    // A start of one whose end nobody saw.
    bool starts_again = sys::exists(paths.container(id) + "/" + kStarting);
    if (lock == Lock::others && !starts_again && is_being_started(paths, id))
        return {.status = Status::starting};
    if ((starts_again || !sys::exists(paths.monitor(id))) && has_record(paths, id))
        return lost(paths.container(id), "the machine was restarted while it ran",
                    runtime::read_monitor_state(paths.container(id)));
    return {.status = Status::left_over};
}

// The process is gone: its monitor is about to say how, or was killed itself.
State ended(const Paths& paths, const std::string& id, runtime::MonitorState monitor) {
    std::string dir = paths.monitor(id);
    auto began = std::chrono::steady_clock::now(), end = began + kRecordDelay;
    while (true) {
        // Asked first: a monitor that is gone has written all that it ever will.
        bool writes = runtime::is_alive(monitor.monitor_pid, monitor.monitor_start_time);
        Result<runtime::ExitStatus> exit = runtime::read_exit_status(dir);
        if (exit) return exited(dir, *exit, monitor);
        auto now = std::chrono::steady_clock::now();
        if (now > (writes ? end : began + kSuccession)) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        // Another may have taken its place.
        if (auto again = runtime::read_monitor_state(dir)) monitor = *again;
    }
    return lost(dir, "its monitor was killed: how it ended is not known", monitor);
}

// The exit that the state directory has, or else the kept one.
State at_rest(const Paths& paths, const std::string& id, State state) {
    state.start_error = read_start_error(paths, id);
    std::optional<State> again = restarting(paths.monitor(id));
    if (!again) return state;
    state.status = Status::restarting;
    state.restarter_pid = again->restarter_pid;
    state.restarter_start_time = again->restarter_start_time;
    state.restarts = again->restarts;
    return state;
}

}  // namespace

bool is_at_rest(const State& state) {
    return state.status == Status::created || state.status == Status::exited;
}

// The state directory is emptied by a reboot; what an `inspect` next week wants is kept beside the
// record. Failing to is no error of the one who looks.
void keep_end(const Paths& paths, const std::string& id) {
    for (const char* name : kKept) {
        Result<std::string> text = sys::read_file(paths.monitor(id) + name, kMaxKept);
        if (text)
            (void)sys::write_file_atomic(paths.container(id) + name, *text, 0600, sys::Sync::no);
        else
            (void)sys::remove_file(paths.container(id) + name);
    }
}

void forget_end(const Paths& paths, const std::string& id) {
    for (const char* name : {"/exit", "/state", "/end", "/asked", "/health"})
        (void)sys::remove_file(paths.container(id) + name);
}

Result<State> look(const Paths& paths, const std::string& id, Lock lock) {
    std::string dir = paths.monitor(id);
    Result<runtime::MonitorState> monitor = runtime::read_monitor_state(dir);
    if (!monitor && monitor.error().code() != Code::not_found)
        return fail(std::move(monitor).error());
    if (auto exit = TRY(if_there(runtime::read_exit_status(dir)))) {
        // A monitor that is still there may be removing the directory (--rm).
        bool monitored =
            monitor && runtime::is_alive(monitor->monitor_pid, monitor->monitor_start_time);
        if (!monitored && !has_kept(paths, id, *exit)) keep_end(paths, id);
        return at_rest(paths, id, exited(dir, *exit, monitor));
    }
    if (!monitor) {
        // Where there is a state without an exit, the kept one is of an earlier start.
        if (auto exit = TRY(if_there(runtime::read_exit_status(paths.container(id)))))
            return at_rest(paths, id,
                           exited(paths.container(id), *exit,
                                  runtime::read_monitor_state(paths.container(id))));
        if (!sys::exists(paths.container(id)))
            return fail(Error(Code::not_found, "no such container: " + id.substr(0, kShortIdLength))
                            .with_hint("crank ps -a"));
        State state = never_started(paths, id, lock);
        // Its start may have ended since the first look: whoever believes this removes it.
        if (state.status == Status::left_over && lock == Lock::others)
            return look(paths, id, Lock::own);
        return state;
    }
    if (!runtime::is_alive(monitor->pid, monitor->start_time))
        return at_rest(paths, id, ended(paths, id, *monitor));
    return State{.status = Status::running,
                 .paused = sys::exists(dir + "/" + kPaused),
                 .pid = monitor->pid,
                 .start_time = monitor->start_time,
                 .monitor_pid = monitor->monitor_pid,
                 .monitor_start_time = monitor->monitor_start_time,
                 .started_at_ns = monitor->started_at_ns,
                 .notes = read_notes(dir)};
}

Result<sys::UniqueFd> lock_record(const Paths& paths, const Record& record) {
    sys::UniqueFd dir = TRY(sys::open_dir(paths.container(record.id)));
    auto end = std::chrono::steady_clock::now() + kOtherCommand;
    while (!TRY(sys::try_lock_fd(dir.get(), sys::LockMode::exclusive, record.name))) {
        if (std::chrono::steady_clock::now() > end)
            return fail(Code::in_use, "container " + record.name + " is being started");
        TRY(sys::poll({}, kLookAgain));
    }
    return dir;
}

bool has_record(const Paths& paths, const std::string& id) {
    auto info = sys::stat(paths.container(id) + "/container.json");
    return info ? info->size != 0 : info.error().code() != Code::not_found;
}

Result<> sync_record(const Paths& paths, const std::string& id) {
    std::string path = paths.container(id) + "/container.json";
    return sys::sync(TRY(sys::open(path, sys::kReadOnly)).get(), path);
}

Result<> write_record(const Paths& paths, const Record& record) {
    return sys::write_file_atomic(paths.container(record.id) + "/container.json", serialize(record),
                                  0600, sys::Sync::no);
}

bool is_going(const Container& container) {
    return container.record.remove && container.state.status == Status::exited &&
           container.state.monitor_pid > 0 &&
           runtime::is_alive(container.state.monitor_pid, container.state.monitor_start_time);
}

Error not_running(const Record& record) {
    std::string name = shown_name(record);
    return Error(Code::failed_precondition, "container " + name + " is not running")
        .with_hint("crank start " + name + ", or crank why " + name);
}

HealthState read_health(const Paths& paths, const std::string& id, const State& state) {
    for (const std::string& dir : {paths.monitor(id), paths.container(id)}) {
        Result<std::string> text = sys::read_file(dir + "/" + kHealthFile, kMaxKept);
        if (!text) continue;
        Result<HealthState> health = parse_health(*text);
        // Of an earlier life: a probe of that one was late.
        if (health && health->started_at_ns == state.started_at_ns) return std::move(*health);
    }
    return {.started_at_ns = state.started_at_ns};
}

bool are_native(const Paths& paths, const std::vector<std::string>& names) {
    return !names.empty() && std::ranges::all_of(names, [&](const std::string& name) {
        Result<std::string> id = resolve(paths, name);
        if (!id) return false;
        auto text = sys::read_file(paths.container(*id) + "/container.json", kMaxRecord);
        Result<Record> record = text ? parse_record(*text) : fail(Code::not_found, "");
        return record && record->kind == Kind::native;
    });
}

Result<Container> load(const Paths& paths, const std::string& id, Lock lock) {
    Result<std::string> text = sys::read_file(paths.container(id) + "/container.json", kMaxRecord);
    if (!text) {
        if (text.error().code() != Code::not_found) return fail(std::move(text).error());
        if (sys::exists(paths.container(id)))
            return fail(Code::failed_precondition,
                        "container " + id.substr(0, kShortIdLength) + " is still being made");
        return fail(Error(Code::not_found, "no such container: " + id.substr(0, kShortIdLength))
                        .with_hint("crank ps -a"));
    }
    Container container{TRY_IN(parse_record(*text), "container " + id.substr(0, kShortIdLength)),
                        TRY(look(paths, id, lock))};
    if (container.record.health && container.state.started_at_ns != 0)
        container.state.health = read_health(paths, id, container.state);
    return container;
}

}  // namespace crank::engine
