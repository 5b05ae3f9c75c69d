// Apply: a plan becomes a container.
#include <algorithm>
#include <initializer_list>

#include "base/undo.h"
#include "runtime/builder.h"
#include "runtime/cgroup.h"
#include "runtime/encode.h"
#include "runtime/launch_hooks.h"
#include "runtime/other_runtime.h"
#include "runtime/runtime.h"
#include "runtime/shim_process.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/owned_file.h"

namespace crank::runtime {

namespace {

// The process has no right to take the host's pipes for its user by itself.
void give_pipes(const std::vector<oci::IdMapping>& maps, std::uint32_t uid,
                std::initializer_list<int> fds) {
    auto owner = host_id(maps, uid);
    if (!owner) return;
    for (int fd : fds)
        if (fd >= 0) sys::give_pipe(fd, *owner);
}

// The user namespace is the caller's: its place stays empty here.
Result<std::vector<sys::UniqueFd>> open_joined(const Plan& plan) {
    std::vector<sys::UniqueFd> opened;
    for (const auto& joined : plan.joined)
        opened.push_back(joined.type == "user"
                             ? sys::UniqueFd()
                             : TRY_IN(sys::open(joined.path, sys::kReadOnly),
                                      "joining the " + joined.type + " namespace"));
    return opened;
}

// Whether processes of the container may go on when its first one has ended: it is not PID 1 of
// them. A native worker may leave some behind on purpose.
bool outlives_first(const LaunchRequest& request) {
    if (request.options.keep_rights) return false;
    return std::ranges::none_of(request.spec.linux.namespaces, [](const oci::Namespace& ns) {
        return ns.type == "pid" && ns.path.empty();
    });
}

// Its sockets are listeners like those of ports, the last two.
void take_resolver(LaunchRequest& request) {
    request.options.resolves = static_cast<bool>(request.resolver.udp);
    if (!request.options.resolves) return;
    request.listeners.push_back(std::move(request.resolver.udp));
    request.listeners.push_back(std::move(request.resolver.tcp));
}

}  // namespace

sys::IdMaps id_maps(const oci::RuntimeSpec& spec) {
    return maps_of(spec.linux.uid_mappings, spec.linux.gid_mappings);
}

Result<Running> launch(LaunchRequest request, const HostFacts& facts) {
    take_resolver(request);
    if (request.other) return launch_other(std::move(request), facts);
    Given given{static_cast<bool>(request.network_namespace),
                static_cast<bool>(request.io.stdin_read)};
    given.user_namespace = static_cast<bool>(request.user_namespace);
    given.wait_for_hooks = has_create_hooks(request.spec.hooks);
    given.wait_for_own_hooks = !request.spec.hooks.start_container.empty();
    Plan made = TRY(plan(request.spec, request.rootfs, request.options, facts, given));
    Undo undo;
    auto apply = [&]() -> Result<Running> {
        TRY(create_cgroups(made, facts, undo));
        const oci::Linux& part = request.spec.linux;
        auto binds = TRY(open_binds(made, request.user_namespace.get(),
                                    {&part.devices, part.uid_mappings, part.gid_mappings,
                                     request.options.state_dir, &request.made_mounts}));
        std::vector<sys::UniqueFd> joined = TRY(open_joined(made));
        sys::UniqueFd cgroup = TRY(open_cgroup(made, facts));
        sys::Pipe gate;
        if (request.options.gate || given.wait_for_hooks || given.wait_for_own_hooks)
            gate = TRY(sys::make_pipe());
        Encoding encoding;
        encoding.options = &request.options;
        encoding.cgroup_given = static_cast<bool>(cgroup);
        encoding.forward_stdout = request.io.forward_stdout >= 0;
        encoding.forward_stderr = request.io.forward_stderr >= 0;
        encoding.listener_count = request.listeners.size();
        encoding.resolves = request.options.resolves;
        // So that their slots are closed with the others.
        if (!made.joined.empty()) encoding.listener_count += 2 + made.joined.size();
        encoding.remove_cgroups = made.cgroup_dirs;
        encoding.kill_cgroup = outlives_first(request);
        std::string bytes = TRY(encode(made, encoding));

        Handover handover;
        for (std::size_t i = 0; i < binds.size(); ++i)
            handover.add(binds[i].get(), static_cast<int>(i));
        handover.add(request.network_namespace.get(), made.network_slot());
        handover.add(gate.read.get(), made.gate_slot());
        handover.add(request.io.stdin_read.get(), made.stdin_slot());
        handover.add(cgroup.get(), made.cgroup_slot());
        for (std::size_t i = 0; i < request.listeners.size(); ++i)
            handover.add(request.listeners[i].get(),
                         made.first_listener_slot() + static_cast<int>(i));
        for (std::size_t i = 0; i < made.joined.size(); ++i)
            handover.add(joined[i] ? joined[i].get() : request.user_namespace.get(),
                         made.joined_slot(i));
        handover.add(request.io.forward_stdout, forward_slot(made, encoding.listener_count, 0));
        handover.add(request.io.forward_stderr, forward_slot(made, encoding.listener_count, 1));
        handover.add(request.held.get(), forward_slot(made, encoding.listener_count, 2));
        handover.add(request.held_too.get(), forward_slot(made, encoding.listener_count, 3));
        give_pipes(part.uid_mappings, request.spec.process.user.uid, {request.io.stdin_read.get()});

        // In the state directory, where who adopts the container finds it; a RUN step ends with
        // its caller.
        const Options& options = request.options;
        handover.environment = options.restart.environment;
        std::string file = options.end_with_caller || options.state_dir.empty()
                               ? ""
                               : options.state_dir + "/" + shim::kPlanFile;
        Started started = TRY(start_shim(bytes, std::move(handover), facts, true, file));
        // The monitor outlives this process; what it has to say comes over the socket.
        started.shim.release();
        Running running;
        running.id_ = request.id;
        running.handshake_ = Handshake(names_of(made, request.spec.process.args.front()));
        running.control_ = std::move(started.control);
        running.plan_memory_ = std::move(started.memory);
        running.gate_ = std::move(gate.write);
        return running;
    };
    auto running = apply();
    if (!running) return fail(undo.run(hint_at_kernel(std::move(running).error())));
    undo.commit();  // from here on the monitor removes what was made
    return running;
}

Result<Running> join(JoinRequest request, const HostFacts& facts) {
    if (!is_alive(request.pid, request.start_time))
        return fail(Code::failed_precondition, "the container is not running");
    JoinFacts join_facts{request.cgroups_path, request.default_seccomp,
                         static_cast<bool>(request.stdin_read)};
    join_facts.confinement = request.confinement;
    sys::UniqueFd pidfd = TRY(sys::open_pidfd(request.pid));
    TRY(find_mappings(request.pid, join_facts));
    join_facts.limit_dirs = existing_limit_dirs(request.cgroups_path, facts);
    // Between the look and the open the number could have changed hands.
    if (!is_alive(request.pid, request.start_time))
        return fail(Code::failed_precondition, "the container is not running");
    Plan made = TRY(plan_join(request.process, request.seccomp, join_facts, facts));
    TRY(leave_shared(made, request.pid));
    auto joined = TRY(open_namespaces_of(request.pid, made));
    if (!is_alive(request.pid, request.start_time))
        return fail(Code::failed_precondition, "the container is not running");
    if (facts.cgroup_mode == CgroupMode::v2)
        made.cgroup_dirs.push_back(facts.cgroup_mounts.front().second + request.cgroups_path);
    sys::UniqueFd cgroup = TRY(open_cgroup(made, facts));
    Encoding encoding;
    encoding.role = shim::Role::join;
    if (!joined.empty()) encoding.listener_count = 2 + joined.size();
    encoding.stdin_given = static_cast<bool>(request.stdin_read);
    encoding.stdout_given = static_cast<bool>(request.stdout_write);
    encoding.stderr_given = static_cast<bool>(request.stderr_write);
    encoding.cgroup_given = static_cast<bool>(cgroup);
    encoding.end_with_caller = request.end_with_caller;
    std::string bytes = TRY(encode(made, encoding));
    Handover handover;
    handover.add(pidfd.get(), made.network_slot());
    for (std::size_t i = 0; i < joined.size(); ++i)
        handover.add(joined[i].get(), made.joined_slot(i));
    give_pipes(join_facts.uid_mappings, request.process.user.uid,
               {request.stdin_read.get(), request.stdout_write.get(), request.stderr_write.get()});
    handover.add(request.stdin_read.get(), made.stdin_slot());
    handover.add(request.stdout_write.get(), made.stdout_slot());
    handover.add(request.stderr_write.get(), made.stderr_slot());
    handover.add(cgroup.get(), made.cgroup_slot());
    Started started = TRY(start_shim(bytes, std::move(handover), facts, true));
    // The monitor outlives this process; what it has to say comes over the socket.
    started.shim.release();
    Running running;
    running.handshake_ = Handshake(names_of(made, request.process.args.front()));
    running.control_ = std::move(started.control);
    running.plan_memory_ = std::move(started.memory);
    return running;
}

Result<Running> join_hook(HookRequest request, const HostFacts& facts) {
    JoinFacts join_facts;
    TRY(find_mappings(request.pid, join_facts));
    Plan made = TRY(plan_hook(request.hook, request.where, join_facts));
    TRY(leave_shared(made, request.pid));
    Encoding encoding;
    encoding.role = shim::Role::join;
    encoding.stdin_given = true;
    encoding.stdout_given = true;
    encoding.stderr_given = true;
    std::string bytes = TRY(encode(made, encoding));
    Handover handover;
    handover.add(request.pidfd, made.network_slot());
    sys::UniqueFd root = TRY(
        sys::open("/proc/" + std::to_string(request.pid) + "/root", sys::kPath | sys::kDirectory));
    handover.add(root.get(), made.start_socket_slot());
    handover.add(request.stdin_read.get(), made.stdin_slot());
    handover.add(request.output.get(), made.stdout_slot());
    handover.add(request.output.get(), made.stderr_slot());
    Started started = TRY(start_shim(bytes, std::move(handover), facts, true));
    // The monitor outlives this process; what it has to say comes over the socket.
    started.shim.release();
    Running running;
    running.handshake_ = Handshake(names_of(made, request.hook.path));
    running.control_ = std::move(started.control);
    running.plan_memory_ = std::move(started.memory);
    return running;
}

}  // namespace crank::runtime
