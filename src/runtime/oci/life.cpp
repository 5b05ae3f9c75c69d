#include "runtime/oci/life.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iterator>
#include <optional>

#include "base/crash_point.h"
#include "base/units.h"
#include "runtime/builder.h"
#include "runtime/launch_hooks.h"
#include "runtime/oci/annotations.h"
#include "runtime/oci/bundle.h"
#include "runtime/oci/control.h"
#include "runtime/oci/hooks.h"
#include "runtime/oci/net_devices.h"
#include "runtime/oci/process.h"
#include "runtime/runtime.h"
#include "runtime/scope_apply.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/socket.h"
#include "sys/stdin_pipe.h"
#include "sys/system.h"
#include "sys/unix_socket.h"

namespace crank::runtime::oci_verbs {
namespace {

constexpr std::chrono::milliseconds kKillDeadline{10'000};
constexpr std::chrono::milliseconds kOwnEnd{100};
constexpr mode_t kOwnerFile = 0600;

std::string socket_of(const Store& store, const std::string& id) {
    return store.dir(id) + "/start";
}

// What is done when the namespaces exist and the root is not entered yet.
bool has_work_before_root(const oci::RuntimeSpec& spec) {
    return has_create_hooks(spec.hooks) || !spec.linux.net_devices.empty();
}

oci::ContainerRecord new_record(const CreateRequest& request, const Bundle& bundle) {
    oci::ContainerRecord record;
    record.state.id = request.id;
    record.state.bundle = bundle.dir;
    record.state.rootfs = bundle.spec.root_path;
    record.state.created = format_time(std::chrono::system_clock::now());
    record.state.owner = sys::effective_uid() == 0 ? "root" : std::to_string(sys::effective_uid());
    record.state.annotations = bundle.spec.annotations;
    record.cgroups_path = bundle.spec.linux.cgroups_path;
    if (bundle.scope) record.scope = bundle.scope->unit;
    return record;
}

void append(std::vector<std::string>& to, std::vector<std::string> more) {
    std::ranges::move(more, std::back_inserter(to));
}

// In the order of runtime.md: the namespaces exist, the root is not entered yet.
Result<> run_create_hooks(const oci::Hooks& hooks, oci::ContainerState state,
                          const HostFacts& facts) {
    // config.md has prestart hooks called when the container is created and not started.
    state.status = oci::Status::created;
    TRY(run_hooks(hooks.prestart, "prestart", state));
    state.status = oci::Status::creating;
    TRY(run_hooks(hooks.create_runtime, "createRuntime", state));
    InsideHook where{sys::environment(), state.bundle, {}};
    return run_hooks_inside(hooks.create_container, "createContainer", where, state, facts);
}

Result<> bring_up(Handed& handed, const Bundle& bundle, oci::ContainerRecord& record,
                  const HostFacts& facts) {
    Handed::Reached reached = TRY(handed.wait());
    if (reached == Handed::Reached::hooks) {
        record.state.pid = handed.pid();
        // Before the hooks, which find the container's network as the configuration has it.
        TRY(move_net_devices(bundle.spec.linux, handed.pid()));
        TRY(run_create_hooks(bundle.spec.hooks, record.state, facts));
        TRY(handed.open_gate());
        reached = TRY(handed.wait());
    }
    if (reached != Handed::Reached::created)
        // Nothing but a signal ends it without a word.
        return fail(Error(Code::failed_precondition,
                          "the container's process was killed before it could be started")
                        .with_hint("does linux.resources.memory.limit leave it room?"));
    record.state.pid = handed.pid();
    record.start_time = TRY(sys::start_time_of(handed.pid()));
    record.program = handed.steps().program;
    record.steps = handed.steps().names;
    return {};
}

Result<> keep(Creation& creation, Handed& handed, const oci::ContainerRecord& record,
              const Caller& caller) {
    crash_point("oci.create.before_record");
    TRY(creation.write(record));
    crash_point("oci.create.recorded");
    TRY(tell_supervisor(caller, record.state.pid));
    TRY(handed.let_go());
    creation.keep();
    return {};
}

}  // namespace

Result<> tell_supervisor(const Caller& caller, pid_t pid) {
    constexpr mode_t kReadable = 0644;
    if (!caller.pidfd_socket.empty()) {
        sys::UniqueFd pidfd = TRY(sys::open_pidfd(pid));
        sys::UniqueFd socket = TRY_IN(sys::connect_unix(caller.pidfd_socket), "--pidfd-socket");
        TRY_IN(sys::send_descriptor(socket.get(), "pidfd", pidfd.get()), "--pidfd-socket");
    }
    if (!caller.pid_file.empty())
        TRY_IN(
            sys::write_file_atomic(caller.pid_file, std::to_string(pid), kReadable, sys::Sync::no),
            "writing the pid file");
    return {};
}

Result<sys::UniqueFd> connect_console(const Caller& caller, oci::Process& process) {
    bool terminal = process.terminal;
    if (terminal && caller.console_socket.empty() && caller.relay >= 0) {
        if (process.console_rows == 0 || process.console_columns == 0) {
            process.console_rows = caller.rows;
            process.console_columns = caller.columns;
        }
        return sys::duplicate(caller.relay);
    }
    if (terminal && caller.console_socket.empty())
        return fail(Error(Code::invalid_argument,
                          "the process wants a terminal (process.terminal), and there is no "
                          "--console-socket that it could be sent to")
                        .with_hint("give --console-socket, stay with it (crank oci run without "
                                   "--detach), or set process.terminal to false"));
    if (!terminal && !caller.console_socket.empty())
        return fail(Error(Code::invalid_argument,
                          "--console-socket was given, and the process has no terminal")
                        .with_hint("set process.terminal to true"));
    if (!terminal) return sys::UniqueFd();
    return TRY_IN(sys::connect_unix(caller.console_socket), "--console-socket");
}

Result<Created> create(Store& store, const CreateRequest& request, const HostFacts& facts) {
    TRY(check_id(request.id));
    Bundle bundle =
        TRY(load_bundle(request.bundle, request.config, request.id, request.manager, facts));
    oci::RuntimeSpec recorded = bundle.spec;
    HandOverRequest over;
    over.network_namespace = std::move(bundle.network_namespace);
    Creation creation = TRY(store.begin(request.id, facts));
    // Before the first cgroup: the sweep learns from it which ones to remove.
    TRY(sys::write_file_atomic(creation.dir() + "/config.json", bundle.text, kOwnerFile,
                               sys::Sync::no));
    crash_point("oci.create.configured");
    if (request.caller.listen_fds > 0) {
        auto& env = bundle.spec.process.env;
        env.push_back("LISTEN_FDS=" + std::to_string(request.caller.listen_fds));
        env.emplace_back("LISTEN_PID=1");
    }
    TRY(check_cpu_affinity(bundle.spec.process));
    bundle.spec.process.exec_cpu_affinity.reset();  // it is for `exec` alone
    std::vector<std::string> warnings = prepare_process(bundle.spec.process);
    append(warnings, TRY(follow_annotations(bundle.spec, bundle.spec.process)));
    sys::UniqueFd console = TRY(connect_console(request.caller, bundle.spec.process));
    over.spec = bundle.spec;
    over.start_socket = TRY(sys::listen_unix(socket_of(store, request.id)));
    over.scratch = creation.dir();
    over.wait_for_hooks = has_work_before_root(bundle.spec);
    over.fds.console = console.get();
    over.fds.plain_lines = request.caller.plain_lines;
    over.fds.preserved = request.caller.preserved_fds;
    over.fds.missing = request.caller.missing_fds;
    over.new_keyring = request.new_keyring;
    over.keyring = "_ses." + request.id;
    if (bundle.scope) {
        over.scope = bundle.scope->unit;
        over.scope_properties =
            TRY(scope_properties(*bundle.scope, request.id, bundle.spec.linux.resources));
        auto asked = TRY(annotated_properties(bundle.spec.annotations, over.scope_properties));
        std::ranges::move(asked, std::back_inserter(over.scope_properties));
    } else {
        append(warnings, idle_annotations(bundle.spec.annotations));
    }
    over.claim_groups = [&] {
        return creation.claim_groups(bundle.spec.linux.cgroups_path, facts);
    };
    Handed handed = TRY(hand_over(std::move(over), facts));
    crash_point("oci.create.started");
    oci::ContainerRecord record = new_record(request, bundle);
    auto done = bring_up(handed, bundle, record, facts);
    if (done) done = keep(creation, handed, record, request.caller);
    if (!done) {
        handed.abandon();
        return fail(std::move(done).error());
    }
    return Created{std::move(handed), std::move(recorded), std::move(bundle.ignored),
                   std::move(warnings)};
}

Result<oci::ContainerRecord> look_up(const Store& store, const std::string& id,
                                     const HostFacts& facts) {
    oci::ContainerRecord record = TRY(store.read(id));
    oci::ContainerState& state = record.state;
    if (!is_alive(state.pid, record.start_time)) {
        state.status = oci::Status::stopped;
        state.pid = 0;
        return record;
    }
    state.status = oci::Status::running;
    // Before its program runs it is crank-shim, out of memory. The socket alone says too little:
    // `start` may have been killed before it removed that; the program alone could pretend.
    if (sys::exists(socket_of(store, id))) {
        auto program = sys::read_link("/proc/" + std::to_string(state.pid) + "/exe");
        if (program && program->starts_with("/memfd:crank-shim"))
            state.status = oci::Status::created;
    }
    if (!record.cgroups_path.empty() && is_frozen(record.cgroups_path, facts))
        state.status = oci::Status::paused;
    return record;
}

Result<oci::ContainerState> state(const Store& store, const std::string& id,
                                  const HostFacts& facts) {
    return TRY(look_up(store, id, facts)).state;
}

namespace {

Result<bool> has_own_pids(const Store& store, const std::string& id) {
    auto spec = TRY(store.read_spec(id));
    return std::ranges::any_of(spec.linux.namespaces, [](const oci::Namespace& space) {
        return space.type == "pid" && space.path.empty();
    });
}

}  // namespace

Result<> kill(Store& store, const std::string& id, int signal, Whom whom, const HostFacts& facts) {
    oci::ContainerRecord record = TRY(look_up(store, id, facts));
    // What has no process-id namespace does not end with its first process.
    if (signal == SIGKILL && !record.cgroups_path.empty() && !TRY(has_own_pids(store, id)))
        whom = Whom::all;
    if (whom == Whom::all && !record.cgroups_path.empty())
        return signal_group(record.cgroups_path, signal, facts);
    if (record.state.status == oci::Status::stopped)
        return fail(Code::failed_precondition, "container not running: \"" + id + "\"");
    auto sent = signal_process(record.state.pid, record.start_time, signal);
    if (!sent && sent.error().code() == Code::not_found)
        return fail(Code::failed_precondition, "container not running: \"" + id + "\"");
    TRY(std::move(sent));
    // What is frozen on v1 does not die.
    if (signal == SIGKILL && record.state.status == oci::Status::paused)
        TRY(set_frozen(record.cgroups_path, false, facts));
    return {};
}

namespace {

Result<> end_by_force(const oci::ContainerRecord& record, const HostFacts& facts) {
    if (record.state.status == oci::Status::stopped) return {};
    auto sent = signal_process(record.state.pid, record.start_time, SIGKILL);
    if (!sent && sent.error().code() != Code::not_found) return sent;
    if (record.state.status == oci::Status::paused)
        TRY(set_frozen(record.cgroups_path, false, facts));
    take_back(record.cgroups_path, record.state.pid, facts);
    // Its end waits for that of its children, which it may have frozen.
    if (!TRY(wait_gone(record.state.pid, record.start_time, kOwnEnd)))
        TRY(kill_cgroups(record.cgroups_path, facts));
    if (!TRY(wait_gone(record.state.pid, record.start_time, kKillDeadline)))
        return fail(Code::deadline_exceeded,
                    "container \"" + record.state.id + "\" did not die of SIGKILL");
    return {};
}

}  // namespace

Result<std::vector<std::string>> remove(Store& store, const std::string& id, Force force,
                                        const HostFacts& facts, const oci::RuntimeSpec* spec) {
    std::vector<std::string> warnings;
    TRY(check_id(id));
    TRY(store.sweep(facts, id));
    auto lock = store.lock(id);
    if (!lock) {
        if (force == Force::yes && lock.error().code() == Code::not_found) return warnings;
        return fail(std::move(lock).error());
    }
    oci::ContainerRecord record = TRY(look_up(store, id, facts));
    oci::Status status = record.state.status;
    if (status != oci::Status::stopped && force == Force::no)
        return fail(Error(Code::failed_precondition, "cannot delete container \"" + id +
                                                         "\" that is not stopped: it is " +
                                                         std::string(name_of(status)))
                        .with_hint("crank oci delete --force " + id));
    TRY(end_by_force(record, facts));
    TRY(store.wait_for_shim(id));
    if (!record.cgroups_path.empty()) TRY(remove_cgroups(record.cgroups_path, facts));
    // systemd has mostly seen the group's end by itself.
    if (!record.scope.empty())
        if (auto stopped = stop_scope(record.scope); !stopped)
            warnings.push_back(stopped.error().text());
    std::vector<oci::Hook> hooks;
    if (spec != nullptr)
        hooks = spec->hooks.poststop;
    else if (auto recorded = store.read_spec(id))
        hooks = std::move(recorded->hooks.poststop);
    TRY(store.remove(id));
    record.state.status = oci::Status::stopped;
    record.state.pid = 0;
    // runtime.md: the container is gone all the same.
    for (std::size_t i = 0; i < hooks.size(); ++i)
        if (auto done = run_hook(hooks[i], "poststop", i, record.state); !done)
            warnings.push_back(done.error().text());
    return warnings;
}

}  // namespace crank::runtime::oci_verbs
