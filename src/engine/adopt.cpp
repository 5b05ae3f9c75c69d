#include "engine/adopt.h"

#include "engine/names.h"
#include "engine/networks/endpoint.h"
#include "engine/rootless.h"
#include "engine/sweep.h"
#include "network/resolver.h"
#include "runtime/adopt.h"
#include "runtime/host.h"
#include "shim/wire.h"
#include "store/store.h"
#include "sys/file.h"
#include "sys/netns.h"
#include "sys/open_flags.h"
#include "sys/system.h"
#include "sys/tcp.h"
#include "sys/udp.h"

namespace crank::engine {
namespace {

// A port that another has taken meanwhile stays closed.
std::vector<sys::UniqueFd> open_ports(const Record& record, std::string& notes) {
    std::vector<sys::UniqueFd> listeners;
    for (const PublishedPort& port : record.ports) {
        auto listener = port.protocol == "udp"
                            ? sys::bind_udp(port.host_ip, port.host_port)
                            : sys::listen_tcp(port.host_ip, port.host_port, sys::kLongBacklog);
        if (!listener)
            notes += "published port " + std::to_string(port.host_port) + " on " + port.host_ip +
                     " is closed: it could not be opened again when the container got a new "
                     "monitor (" +
                     listener.error().message() + ")\n";
        listeners.push_back(listener ? std::move(*listener) : sys::UniqueFd());
    }
    return listeners;
}

// On the port that its namespace leads to. Without it names do not resolve any more.
runtime::ResolverSockets open_names(const Paths& paths, const Container& container,
                                    std::string& notes) {
    auto open = [&]() -> Result<runtime::ResolverSockets> {
        std::optional<networks::Told> told = TRY(networks::read_told(paths, container.record.id));
        if (!told || told->port == 0) return runtime::ResolverSockets{};
        sys::UniqueFd space = TRY(
            sys::open("/proc/" + std::to_string(container.state.pid) + "/ns/net", sys::kReadOnly));
        if (!runtime::is_alive(container.state.pid, container.state.start_time))
            return fail(Code::failed_precondition, "the container has just ended");
        auto sockets = TRY(network::open_resolver(space.get(), told->port));
        return runtime::ResolverSockets{std::move(sockets.udp), std::move(sockets.tcp)};
    };
    auto opened = open();
    if (opened) return std::move(*opened);
    notes += "names of its networks do not resolve any more: " + opened.error().message() + "\n";
    return {};
}

// As the start did; without it the container goes on, but its image may be removed under it.
sys::UniqueFd hold_image(const Paths& paths, const Record& record, std::string& notes) {
    if (record.image_id.empty()) return {};
    auto pin = [&]() -> Result<store::Pin> {
        store::Store store = TRY(store::Store::open(paths.root, store::OpenMode::read_only));
        return store.pin(TRY(store.find(record.image_id)));
    }();
    if (pin) return std::move(pin->fd);
    notes += "its image is not held any more: " + pin.error().message() + "\n";
    return {};
}

bool is_elsewhere(const Record& record) {
    return record.kind == Kind::container && sys::effective_uid() != 0;
}

}  // namespace

bool is_unwatched(const Paths& paths, const Container& container) {
    const State& state = container.state;
    if (state.monitor_pid <= 0 || state.status == Status::restarting) return false;
    if (runtime::is_alive(state.monitor_pid, state.monitor_start_time)) return false;
    return !runtime::is_watched(paths.monitor(container.record.id));
}

Result<> adopt(const Paths& paths, const Container& container) {
    const Record& record = container.record;
    std::string dir = paths.monitor(record.id), notes;
    runtime::AdoptRequest request;
    request.state_dir = dir;
    request.state = TRY(runtime::read_monitor_state(dir));
    if (container.state.status == Status::running) {
        request.listeners = open_ports(record, notes);
        request.resolver = open_names(paths, container, notes);
        request.held = hold_image(paths, record, notes);
    }
    // Before the monitor, which removes the directory with --rm.
    if (!notes.empty()) TRY(sys::write_file_atomic(dir + "/" + kNotes, notes, 0600, sys::Sync::no));
    std::optional<Kept> kept = TRY(find_kept(paths));
    if (kept) request.held_too = std::move(kept->lock);
    auto start = [&]() -> Result<> {
        TRY(runtime::adopt(std::move(request), TRY(runtime::probe_host())));
        return {};
    };
    // The monitor connects to the published ports from where the bridge is.
    if (kept && (!record.ports.empty() || !record.networks.empty()))
        return sys::run_in_network_namespace(kept->network.get(), start);
    return start();
}

Result<Container> load_watched(const Paths& paths, const std::string& id) {
    Container container = TRY(load(paths, id));
    if (!is_unwatched(paths, container)) return container;
    // Without root by a command that is in the container's user namespace.
    if (is_elsewhere(container.record)) return container;
    Result<> adopted = adopt(paths, container);
    if (adopted) {
        container = TRY(load(paths, id));
        // With --rm, and its monitor could not remove all of it.
        if (container.state.status != Status::exited || !container.record.remove ||
            !is_unwatched(paths, container))
            return container;
        TRY(discard(paths, id));
        return fail(Code::not_found, "container " + id.substr(0, kShortIdLength) + " is gone");
    }
    container.state.notes.push_back("its monitor was killed, and no other could be started: " +
                                    adopted.error().message());
    return container;
}

}  // namespace crank::engine
