#include "engine/state.h"

#include <chrono>
#include <optional>
#include <thread>

#include "base/text.h"
#include "engine/names.h"
#include "sys/file.h"

namespace crank::engine {
namespace {

constexpr std::size_t kMaxRecord = std::size_t{8} << 20;
constexpr std::size_t kMaxNotes = std::size_t{64} << 10;
// Between the end of the process and the monitor's record of it lies one wait(2); the monitor may
// be waiting for a processor.
constexpr std::chrono::milliseconds kRecordDelay(5000);
// Until the guard of a monitor that was killed has taken its place, and has seen what happened.
constexpr std::chrono::milliseconds kSuccession(150);

// The state directory is emptied by a reboot; what an `inspect` next week wants is kept beside the
// record. Failing to is no error of the one who looks.
void keep_records(const Paths& paths, const std::string& id) {
    // `exit` last: where it lies, the others do.
    for (const char* name : {"/state", "/end", "/asked", "/exit"}) {
        Result<std::string> text = sys::read_file(paths.monitor(id) + name, 4096);
        if (text)
            (void)sys::write_file_atomic(paths.container(id) + name, *text, 0600, sys::Sync::no);
    }
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

// Neither a state nor an exit.
State never_started(const Paths& paths, const std::string& id) {
    if (is_being_started(paths, id)) return {.status = Status::created};
    if (!sys::exists(paths.monitor(id)) && sys::exists(paths.container(id) + "/container.json"))
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

}  // namespace

Result<State> look(const Paths& paths, const std::string& id) {
    std::string dir = paths.monitor(id);
    Result<runtime::MonitorState> monitor = runtime::read_monitor_state(dir);
    if (!monitor && monitor.error().code() != Code::not_found)
        return fail(std::move(monitor).error());
    if (auto exit = TRY(if_there(runtime::read_exit_status(dir)))) {
        // A monitor that is still there may be removing the directory (--rm).
        bool monitored =
            monitor && runtime::is_alive(monitor->monitor_pid, monitor->monitor_start_time);
        if (!monitored && !sys::exists(paths.container(id) + "/exit")) keep_records(paths, id);
        return exited(dir, *exit, monitor);
    }
    if (auto exit = TRY(if_there(runtime::read_exit_status(paths.container(id)))))
        return exited(paths.container(id), *exit, runtime::read_monitor_state(paths.container(id)));
    if (!monitor) {
        if (!sys::exists(paths.container(id)))
            return fail(Code::not_found, "no such container: " + id.substr(0, kShortIdLength));
        return never_started(paths, id);
    }
    if (!runtime::is_alive(monitor->pid, monitor->start_time)) return ended(paths, id, *monitor);
    return State{.status = Status::running,
                 .pid = monitor->pid,
                 .start_time = monitor->start_time,
                 .monitor_pid = monitor->monitor_pid,
                 .monitor_start_time = monitor->monitor_start_time,
                 .started_at_ns = monitor->started_at_ns,
                 .notes = read_notes(dir)};
}

bool is_going(const Container& container) {
    return container.record.remove && container.state.status == Status::exited &&
           container.state.monitor_pid > 0 &&
           runtime::is_alive(container.state.monitor_pid, container.state.monitor_start_time);
}

Result<Container> load(const Paths& paths, const std::string& id) {
    Result<std::string> text = sys::read_file(paths.container(id) + "/container.json", kMaxRecord);
    if (!text) {
        if (text.error().code() != Code::not_found) return fail(std::move(text).error());
        if (sys::exists(paths.container(id)))
            return fail(Code::failed_precondition,
                        "container " + id.substr(0, kShortIdLength) + " is still being made");
        return fail(Code::not_found, "no such container: " + id.substr(0, kShortIdLength));
    }
    return Container{TRY_IN(parse_record(*text), "container " + id.substr(0, kShortIdLength)),
                     TRY(look(paths, id))};
}

}  // namespace crank::engine
