#include "engine/start_attempt.h"

#include <chrono>

#include "base/crash_point.h"
#include "engine/names.h"
#include "engine/other_runtime.h"
#include "engine/sweep.h"
#include "network/network.h"
#include "runtime/adopt.h"
#include "runtime/host.h"
#include "sys/file.h"
#include "sys/poll.h"
#include "sys/system.h"

namespace crank::engine {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kOtherStart(60'000), kMonitorEnds(30'000), kShimEnds(3'000), kLookAgain(10),
    kLookOften(50);

std::string shown(const std::string& id) { return id.substr(0, kShortIdLength); }

std::string marker(const Paths& paths, const std::string& id) {
    return paths.container(id) + "/" + kStarting;
}

Error no_such(const std::string& id) {
    return Error(Code::not_found, "no such container: " + shown(id)).with_hint("crank ps -a");
}

// Nothing: it runs by now, whoever has started it.
Result<std::optional<sys::UniqueFd>> lock_container(const Paths& paths, const std::string& id) {
    Result<sys::UniqueFd> dir = sys::open_dir(paths.container(id));
    if (!dir) return fail(dir.error().code() == Code::not_found ? no_such(id) : dir.error());
    auto end = std::chrono::steady_clock::now() + kOtherStart;
    while (!TRY(sys::try_lock_fd(dir->get(), sys::LockMode::exclusive, shown(id)))) {
        Result<State> state = look(paths, id);
        if (state && state->status == Status::running) return std::nullopt;
        if (std::chrono::steady_clock::now() > end)
            return fail(Code::deadline_exceeded,
                        "container " + shown(id) + " is being started by another command");
        TRY(sys::poll({}, kLookAgain));
    }
    if (!sys::exists(paths.container(id))) return fail(no_such(id));
    return std::move(*dir);
}

void remove_groups(const Paths& paths, const Record& record) {
    other::forget(paths, record);
    auto host = runtime::probe_host();
    if (!record.cgroups_path.empty() && host && host->root)
        (void)runtime::remove_cgroups(record.cgroups_path, *host);
}

// `restarting` stays: until it runs the container is seen as one that is about to.
Result<> empty_state_directory(const Paths& paths, const std::string& id) {
    std::string dir = paths.monitor(id);
    TRY(sys::make_dirs(dir, 0700));
    for (const std::string& name : TRY(sys::list_dir(dir)))
        if (name != "restarting") TRY(sys::remove_tree(dir + "/" + name));
    return {};
}

void keep_end_if_any(const Paths& paths, const std::string& id) {
    if (runtime::read_exit_status(paths.monitor(id))) keep_end(paths, id);
}

void clear_killed_start(const Paths& paths, const Record& record) {
    remove_groups(paths, record);
    // The shim of a start that was killed ends by itself, and holds the ports until then.
    if (runtime::wait_unwatched(paths.monitor(record.id), kShimEnds)) remove_groups(paths, record);
    // It may have been killed between the lease and the record.
    (void)network::sweep_leases({.state_dir = paths.network()},
                                [&](const std::string& holder) { return holder != record.id; });
    (void)release_networks(paths, record.id);
    keep_end_if_any(paths, record.id);
    (void)sys::remove_tree(paths.monitor(record.id));
    (void)sys::remove_file(marker(paths, record.id));
}

// Until the monitor of the last start has cleaned up. False: a policy was about to start it again,
// and the monitor, which has become the command that does, waits for the lock that is held here.
Result<bool> settle(const Paths& paths, const State& state, const std::string& id) {
    if (state.monitor_pid <= 0 || state.monitor_pid == sys::own_pid()) return true;
    auto end = std::chrono::steady_clock::now() + kMonitorEnds;
    while (std::chrono::steady_clock::now() < end) {
        if (TRY(runtime::wait_gone(state.monitor_pid, state.monitor_start_time, kLookOften)))
            return true;
        Result<State> now = look(paths, id);
        if (now && now->status == Status::restarting) return false;
    }
    return fail(Code::deadline_exceeded, "the monitor of container " + shown(id) + " does not end");
}

}  // namespace

Result<std::optional<StartAttempt>> StartAttempt::begin(const Paths& paths, const std::string& id,
                                                        Starter starter) {
    auto lock = TRY(lock_container(paths, id));
    if (!lock) return std::nullopt;
    StartAttempt attempt(paths, std::move(*lock));
    Container container = TRY(load(paths, id, Lock::own));
    bool own = starter == Starter::monitor && container.state.status == Status::restarting;
    if (!is_at_rest(container.state) && !own) return std::nullopt;
    if (!TRY(settle(paths, container.state, id))) return std::nullopt;
    // With --rm its monitor has removed it.
    if (!sys::exists(paths.container(id) + "/container.json")) return fail(no_such(id));
    if (sys::exists(marker(paths, id))) clear_killed_start(paths, container.record);
    TRY(sys::write_file_atomic(marker(paths, id), "", 0600, sys::Sync::no));
    attempt.container_ = std::move(container);
    keep_end_if_any(paths, id);
    crash_point("start.kept");
    TRY(empty_state_directory(paths, id));
    return attempt;
}

StartAttempt::~StartAttempt() {
    if (!lock_ || container_.record.id.empty()) return;
    const std::string& id = container_.record.id;
    // The shim of a failed start cleans up before it ends.
    if (runtime::wait_unwatched(paths_.monitor(id), kShimEnds))
        remove_groups(paths_, container_.record);
    // With --rm it has removed the container too.
    if (sys::exists(paths_.container(id) + "/container.json") && written_)
        (void)write_record(paths_, container_.record);
    (void)sys::remove_tree(paths_.monitor(id));
    (void)sys::remove_file(marker(paths_, id));
}

Result<> StartAttempt::write(const Record& record) {
    written_ = true;
    return write_record(paths_, record);
}

void StartAttempt::done() {
    const std::string& id = container_.record.id;
    crash_point("start.runs");
    forget_end(paths_, id);
    for (const char* name : {kCreated, kStartError})
        (void)sys::remove_file(paths_.container(id) + "/" + name);
    (void)sys::remove_file(paths_.monitor(id) + "/restarting");
    (void)sys::remove_file(marker(paths_, id));
    lock_.reset();
}

void StartAttempt::failed(const Error& error) {
    (void)sys::write_file_atomic(paths_.container(container_.record.id) + "/" + kStartError,
                                 error.text() + "\n", 0600, sys::Sync::no);
}

bool has_killed_start(const Paths& paths, const Container& container) {
    return is_at_rest(container.state) && sys::exists(marker(paths, container.record.id));
}

void sweep_start(const Paths& paths, const std::string& id) {
    Result<sys::UniqueFd> dir = sys::open_dir(paths.container(id));
    if (!dir) return;
    auto locked = sys::try_lock_fd(dir->get(), sys::LockMode::exclusive, shown(id));
    if (!locked || !*locked) return;
    Result<Container> container = load(paths, id);
    if (container && has_killed_start(paths, *container))
        clear_killed_start(paths, container->record);
}

}  // namespace crank::engine
