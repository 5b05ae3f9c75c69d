#include "engine/sweep.h"

#include <chrono>
#include <optional>

#include "engine/names.h"
#include "engine/networks/endpoint.h"
#include "engine/other_runtime.h"
#include "engine/state.h"
#include "engine/volume.h"
#include "network/network.h"
#include "runtime/adopt.h"
#include "runtime/host.h"
#include "runtime/runtime.h"
#include "sys/file.h"

namespace crank::engine {
namespace {

constexpr std::chrono::milliseconds kGoing(10'000), kShimEnds(3'000);
constexpr std::size_t kMaxRecord = std::size_t{8} << 20;

// Renamed first: a look from another command that keeps an exit status cannot write into it while
// its files are being removed.
Result<> remove_container_dir(const Paths& paths, const std::string& id) {
    Result<> renamed = sys::rename(paths.container(id), paths.going(id));
    if (!renamed && renamed.error().code() != Code::not_found) return renamed;
    return sys::remove_tree(paths.going(id));
}

// What is known of it; nothing where its record was never written.
std::optional<Record> record_of(const Paths& paths, const std::string& id) {
    Result<std::string> text = sys::read_file(paths.container(id) + "/container.json", kMaxRecord);
    if (!text) return std::nullopt;
    Result<Record> record = parse_record(*text);
    return record ? std::optional(std::move(*record)) : std::nullopt;
}

}  // namespace

// Of networks that are defined, whose states are few.
Result<> release_networks(const Paths& paths, const std::string& id) {
    networks::take_back(paths, id);
    Result<std::vector<std::string>> states = sys::list_dir(paths.network_states());
    if (!states && states.error().code() == Code::not_found) return {};
    for (const std::string& state : TRY(std::move(states)))
        TRY(network::sweep_leases({.state_dir = paths.network_states() + "/" + state},
                                  [&](const std::string& holder) { return holder != id; }));
    return {};
}

namespace {

Result<> release_address(const Paths& paths, const std::string& id,
                         const std::optional<Record>& record) {
    if (!record || !record->networks.empty()) TRY(release_networks(paths, id));
    // A start that was killed may have another than the record's.
    bool certain = record && !sys::exists(paths.container(id) + "/" + kStarting);
    if (certain && record->network.lease_path.empty()) return {};
    if (certain)
        return network::release({.container_id = id, .lease_path = record->network.lease_path});
    // Killed between the lease and the record: the lease itself says whose it is.
    TRY(network::sweep_leases({.state_dir = paths.network()},
                              [&](const std::string& holder) { return holder != id; }));
    return {};
}

// Links of one that was killed before its record are taken over once its directory is gone.
Result<> release_ids(const Paths& paths, const std::string& id,
                     const std::optional<Record>& record) {
    if (!record || !record->ids) return {};
    return ids::give_back(place_of(paths), record->ids->block, record->ids->blocks, id);
}

// The holder of the name has ended and goes by itself (--rm): that takes milliseconds, or for ever
// where its monitor was killed.
Result<bool> sweep_if_going(const Paths& paths, const std::string& id, const std::string& name) {
    Result<Container> container = load(paths, id);
    if (!container) return container.error().code() == Code::not_found;
    if (!container->record.remove) return false;
    const State& state = container->state;
    if (state.monitor_pid > 0 &&
        !TRY(runtime::wait_gone(state.monitor_pid, state.monitor_start_time, kGoing)))
        return false;
    if (sys::exists(paths.container(id))) TRY(discard(paths, id));
    TRY(free_name(paths, id, name));
    return true;
}

}  // namespace

// Whoever removes a name holds this lock: between reading the link and removing it the name could
// otherwise go to another container.
Result<> free_name(const Paths& paths, const std::string& id, const std::string& name) {
    if (name.empty()) return {};
    sys::UniqueFd lock = TRY(sys::lock_file(paths.names() + "/.lock", sys::LockMode::exclusive));
    Result<std::string> holder = sys::read_link(paths.name(name));
    if (!holder || *holder != id) return {};
    return sys::remove_file(paths.name(name));
}

ids::Place place_of(const Paths& paths) { return {paths.ids(), paths.containers()}; }

void remove_directories(const Paths& paths, const std::string& id, const std::string& name) {
    (void)free_name(paths, id, name);
    (void)remove_container_dir(paths, id);
    (void)sys::remove_tree(paths.monitor(id));
}

void sweep_names(const Paths& paths) {
    Result<std::vector<std::string>> names = sys::list_dir(paths.names());
    if (!names) return;
    for (const std::string& name : *names) {
        // A container's directory is made before its name.
        Result<std::string> id = sys::read_link(paths.name(name));
        if (!id) continue;
        Result<sys::FileInfo> dir = sys::lstat(paths.container(*id));
        if (!dir && dir.error().code() == Code::not_found) (void)free_name(paths, *id, name);
    }
}

void sweep_former_names(const Paths& paths, const std::vector<Container>& containers) {
    Result<std::vector<std::string>> names = sys::list_dir(paths.names());
    // Each container has one; the lock lies beside them.
    if (!names || names->size() <= containers.size() + 1) return;
    for (const std::string& name : *names) {
        Result<std::string> id = sys::read_link(paths.name(name));
        if (!id) continue;
        for (const Container& container : containers)
            if (container.record.id == *id && container.record.name != name &&
                !is_being_started(paths, *id))
                (void)free_name(paths, *id, name);
    }
}

Result<> discard(const Paths& paths, const std::string& id) {
    runtime::HostFacts host = TRY(runtime::probe_host());
    const std::string group = host.group_parent + "/" + id;
    if (host.root) TRY(runtime::remove_cgroups(group, host));
    // The shim of a start that was killed ends by itself, and holds the ports until then.
    if (runtime::wait_unwatched(paths.monitor(id), kShimEnds) && host.root)
        TRY(runtime::remove_cgroups(group, host));
    std::optional<Record> record = record_of(paths, id);
    if (record) other::forget(paths, *record);
    TRY(release_address(paths, id, record));
    TRY(release_ids(paths, id, record));
    // Its directory goes before its name: a name that leads nowhere is free, a container without
    // its name could not be removed by it again. The monitor's directory goes last: while the other
    // exists without it, the container counts as one that a reboot ended.
    Result<> removed = remove_container_dir(paths, id);
    // Under its other name the next list removes it.
    if (!removed && sys::exists(paths.container(id))) return removed;
    if (record)
        TRY(volumes::release(
            paths, *record,
            record->remove ? volumes::Anonymous::removed : volumes::Anonymous::kept));
    if (record) TRY(free_name(paths, id, record->name));
    TRY(sys::remove_tree(paths.monitor(id)));
    return removed;
}

Result<bool> sweep_if_left_over(const Paths& paths, const std::string& id,
                                const std::string& name) {
    Result<State> state = look(paths, id);
    if (!state && state.error().code() != Code::not_found) return fail(std::move(state).error());
    if (state && state->status == Status::exited) return sweep_if_going(paths, id, name);
    if (state && state->status != Status::left_over) return false;
    if (state) TRY(discard(paths, id));
    TRY(free_name(paths, id, name));
    return true;
}

}  // namespace crank::engine
