#include "engine/local/shared.h"

#include "engine/lifecycle.h"
#include "runtime/runtime.h"
#include "sys/file.h"
#include "sys/open_flags.h"

namespace crank::engine::local {
namespace {

Result<Container> find_running(const Paths& paths, const std::string& flag,
                               const std::string& name) {
    Container container = TRY_IN(find(paths, name), flag);
    if (container.record.kind == Kind::native)
        return fail(Error(Code::invalid_argument,
                          flag + " " + name + ": it is a native worker, which has the host's")
                        .with_hint("--network host, --pid host"));
    if (container.state.status != Status::running)
        return fail(Error(Code::failed_precondition,
                          flag + " container:" + name + ": the container is not running")
                        .with_hint("crank ps -a"));
    return container;
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

Result<> share_network(const Paths& paths, RunOptions& options, Shared& shared) {
    if (options.network != NetworkMode::container) return {};
    std::string& name = options.settings.network_of;
    Container other = TRY(find_running(paths, "--network", name));
    const std::string& mode = other.record.network.mode;
    if (mode != "bridge" && mode != "none")
        return fail(Error(Code::invalid_argument,
                          "--network container:" + name + ": its network is " + mode + " itself")
                        .with_hint("--network " + mode));
    shared.network = TRY(open_namespace(other, "net"));
    name = other.record.id;
    options.hostname = other.record.hostname;
    return {};
}

}  // namespace

Result<Shared> open_shared(const Paths& paths, RunOptions& options) {
    Shared shared;
    TRY(share_network(paths, options, shared));
    if (std::string name = named(options.settings.pid); !name.empty()) {
        Container other = TRY(find_running(paths, "--pid", name));
        shared.pid = TRY(open_namespace(other, "pid"));
        options.settings.pid = "container:" + other.record.id;
    }
    return shared;
}

void name_shared(const Shared& shared, oci::RuntimeSpec& spec) {
    for (oci::Namespace& ns : spec.linux.namespaces)
        if (ns.type == "pid" && shared.pid)
            ns.path = "/proc/self/fd/" + std::to_string(shared.pid.get());
}

}  // namespace crank::engine::local
