#include "engine/local/shared.h"

#include "engine/lifecycle.h"
#include "runtime/runtime.h"
#include "sys/file.h"
#include "sys/foreign_root.h"
#include "sys/open_flags.h"

namespace crank::engine::local {
namespace {

Result<Container> find_donor(const Paths& paths, const std::string& flag, const std::string& name) {
    Container container = TRY_IN(find(paths, name), flag);
    if (container.record.kind != Kind::native) return container;
    return fail(Error(Code::invalid_argument,
                      flag + " " + name + ": it is a native worker, which has the host's")
                    .with_hint("--network host, --pid host"));
}

Result<> require_running(const Container& container, const std::string& flag) {
    if (container.state.status == Status::running) return {};
    const std::string& name = container.record.name;
    return fail(Error(Code::failed_precondition,
                      flag + " container:" + name + ": the container is not running")
                    .with_hint("crank start " + name));
}

Result<sys::UniqueFd> open_namespace(const Container& container, const std::string& kind) {
    const State& state = container.state;
    sys::UniqueFd fd =
        TRY(sys::open("/proc/" + std::to_string(state.pid) + "/ns/" + kind, sys::kReadOnly));
    // Between the look and the open the number could have changed hands.
    if (runtime::is_alive(state.pid, state.start_time)) return fd;
    return fail(Code::failed_precondition,
                "container " + container.record.name + " has just ended");
}

std::string named(const std::string& mode) {
    constexpr std::string_view kPrefix = "container:";
    return mode.starts_with(kPrefix) ? mode.substr(kPrefix.size()) : "";
}

// Names become ids; whose network it has gives its host name along.
Result<std::optional<Container>> network_donor(const Paths& paths, RunOptions& options) {
    if (options.network != NetworkMode::container) return std::optional<Container>();
    std::string& name = options.settings.network_of;
    Container other = TRY(find_donor(paths, "--network", name));
    const std::string& mode = other.record.network.mode;
    if (mode == "host" || mode.starts_with("container:"))
        return fail(Error(Code::invalid_argument,
                          "--network container:" + name + ": its network is " + mode + " itself")
                        .with_hint("--network " + mode));
    name = other.record.id;
    options.hostname = other.record.hostname;
    return std::optional(std::move(other));
}

Result<std::optional<Container>> pid_donor(const Paths& paths, RunOptions& options) {
    std::string name = named(options.settings.pid);
    if (name.empty()) return std::optional<Container>();
    Container other = TRY(find_donor(paths, "--pid", name));
    options.settings.pid = "container:" + other.record.id;
    return std::optional(std::move(other));
}

// Memory and semaphores of both are one, so both are the same users.
Result<std::optional<Container>> ipc_donor(const Paths& paths, RunOptions& options) {
    std::string name = named(options.settings.ipc);
    if (name.empty()) return std::optional<Container>();
    Container other = TRY(find_donor(paths, "--ipc", name));
    const std::string flag = "--ipc container:" + name;
    const std::string& mode = other.record.settings.ipc;
    if (mode == "none")
        return fail(Error(Code::invalid_argument, flag + ": it has no /dev/shm (--ipc none)")
                        .with_hint("crank run --ipc shareable for that container"));
    if (mode == "private")
        return fail(
            Error(Code::invalid_argument, flag + ": it keeps them to itself (--ipc private)")
                .with_hint("crank run --ipc shareable for that container"));
    if (!mode.empty())
        return fail(Error(Code::invalid_argument, flag + ": it has those of " + mode + " itself")
                        .with_hint("--ipc " + mode));
    if (other.record.ids)
        return fail(
            Error(Code::invalid_argument,
                  flag + ": that container has ids of its own, which have no part in others")
                .with_hint("a volume that both have"));
    if (!options.settings.runtime.empty())
        return fail(Error(Code::unsupported, flag + " with --runtime " + options.settings.runtime +
                                                 ": crank's own runtime shares /dev/shm")
                        .with_hint("leave out one of the two"));
    options.settings.ipc = "container:" + other.record.id;
    return std::optional(std::move(other));
}

}  // namespace

Result<> find_donors(const Paths& paths, RunOptions& options) {
    TRY(network_donor(paths, options));
    TRY(pid_donor(paths, options));
    TRY(ipc_donor(paths, options));
    return {};
}

Result<Shared> open_shared(const Paths& paths, RunOptions& options) {
    Shared shared;
    if (auto donor = TRY(network_donor(paths, options))) {
        TRY(require_running(*donor, "--network"));
        shared.network = TRY(open_namespace(*donor, "net"));
    }
    if (auto donor = TRY(pid_donor(paths, options))) {
        TRY(require_running(*donor, "--pid"));
        shared.pid = TRY(open_namespace(*donor, "pid"));
    }
    if (auto donor = TRY(ipc_donor(paths, options))) {
        TRY(require_running(*donor, "--ipc"));
        shared.ipc = TRY(open_namespace(*donor, "ipc"));
        shared.shm = TRY_IN(sys::clone_mount_of(donor->state.pid, "/dev/shm"),
                            "the /dev/shm of container " + donor->record.name);
        // The number was still its own.
        if (!runtime::is_alive(donor->state.pid, donor->state.start_time))
            return fail(Code::failed_precondition,
                        "container " + donor->record.name + " has just ended");
    }
    return shared;
}

void name_shared(const Shared& shared, oci::RuntimeSpec& spec) {
    for (oci::Namespace& ns : spec.linux.namespaces)
        for (const auto& [type, fd] :
             {std::pair("pid", &shared.pid), std::pair("ipc", &shared.ipc)})
            if (ns.type == type && *fd) ns.path = "/proc/self/fd/" + std::to_string(fd->get());
}

}  // namespace crank::engine::local
