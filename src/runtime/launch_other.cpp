// Apply, where another runtime makes the container.
#include "base/undo.h"
#include "runtime/builder.h"
#include "runtime/cgroup.h"
#include "runtime/encode.h"
#include "runtime/other_runtime.h"
#include "runtime/runtime.h"
#include "runtime/shim_process.h"
#include "sys/file.h"

namespace crank::runtime {

namespace {

Result<int> namespace_of(const LaunchRequest& request, const Plan::Joined& joined) {
    int fd = joined.type == "network" ? request.network_namespace.get()
             : joined.type == "pid"   ? request.pid_namespace.get()
                                      : -1;
    if (fd >= 0) return fd;
    return fail(Code::internal, "the " + joined.type + " namespace is not there to be shown");
}

Result<Handover> hand_over_all(const LaunchRequest& request, const Plan& plan,
                               const sys::Pipe& gate, std::size_t listener_count) {
    Handover handover;
    int slot = 0;
    for (const auto& [place, mount] : request.made_mounts) handover.add(mount, slot++);
    handover.add(gate.read.get(), plan.gate_slot());
    handover.add(request.io.stdin_read.get(), plan.stdin_slot());
    for (std::size_t i = 0; i < request.listeners.size(); ++i)
        handover.add(request.listeners[i].get(), plan.first_listener_slot() + static_cast<int>(i));
    handover.add(request.console.get(), plan.console_slot());
    for (std::size_t i = 0; i < plan.joined.size(); ++i)
        handover.add(TRY(namespace_of(request, plan.joined[i])), plan.joined_slot(i));
    handover.add(request.io.forward_stdout, forward_slot(plan, listener_count, 0));
    handover.add(request.io.forward_stderr, forward_slot(plan, listener_count, 1));
    handover.add(request.held.get(), forward_slot(plan, listener_count, 2));
    handover.add(request.held_too.get(), forward_slot(plan, listener_count, 3));
    return handover;
}

Encoding encoding_of(const LaunchRequest& request, const Plan& plan) {
    Encoding encoding;
    encoding.options = &request.options;
    encoding.forward_stdout = request.io.forward_stdout >= 0;
    encoding.forward_stderr = request.io.forward_stderr >= 0;
    encoding.listener_count = request.listeners.size() + 2 + plan.joined.size();
    encoding.resolves = request.options.resolves;
    encoding.remove_cgroups = plan.cgroup_dirs;
    encoding.other = &*request.other;
    encoding.console_given = static_cast<bool>(request.console);
    // It may leave processes of its own beside the container's.
    encoding.kill_cgroup = true;
    return encoding;
}

}  // namespace

Result<Running> launch_other(LaunchRequest request, const HostFacts& facts) {
    Given given{static_cast<bool>(request.network_namespace),
                static_cast<bool>(request.io.stdin_read)};
    for (const auto& [place, mount] : request.made_mounts) given.made_mounts.push_back(place);
    const Options& options = request.options;
    Plan made =
        TRY(plan_other(request.spec, request.rootfs, options, facts, given, *request.other));
    Undo undo;
    auto apply = [&]() -> Result<Running> {
        TRY(create_cgroups(made, facts, undo));
        sys::Pipe gate;
        if (options.gate) gate = TRY(sys::make_pipe());
        Encoding encoding = encoding_of(request, made);
        std::string bytes = TRY(encode(made, encoding));
        Handover handover = TRY(hand_over_all(request, made, gate, encoding.listener_count));
        handover.environment = options.restart.environment;
        Started started = TRY(start_shim(bytes, std::move(handover), facts, true,
                                         options.state_dir + "/" + shim::kPlanFile));
        started.shim.release();
        Running running;
        running.id_ = request.id;
        running.handshake_ = Handshake(names_of(made, request.other->create.front()));
        running.control_ = std::move(started.control);
        running.plan_memory_ = std::move(started.memory);
        running.gate_ = std::move(gate.write);
        return running;
    };
    auto running = apply();
    if (!running) return fail(undo.run(std::move(running).error()));
    undo.commit();  // from here on the monitor removes what was made
    return running;
}

Result<Running> join_other(OtherJoinRequest request, const HostFacts& facts) {
    Plan made =
        TRY(plan_other_exec(request.words, request.process, static_cast<bool>(request.stdin_read)));
    Options options;
    for (const std::string& file : request.remove_after)
        options.after_exit.push_back({AfterExit::Kind::unlink, file});
    Encoding encoding;
    encoding.role = shim::Role::join;
    encoding.options = &options;
    encoding.stdin_given = static_cast<bool>(request.stdin_read);
    encoding.stdout_given = static_cast<bool>(request.stdout_write);
    encoding.stderr_given = static_cast<bool>(request.stderr_write);
    std::string bytes = TRY(encode(made, encoding));
    Handover handover;
    handover.add(request.stdin_read.get(), made.stdin_slot());
    handover.add(request.stdout_write.get(), made.stdout_slot());
    handover.add(request.stderr_write.get(), made.stderr_slot());
    Started started = TRY(start_shim(bytes, std::move(handover), facts, true));
    started.shim.release();
    Running running;
    running.handshake_ = Handshake(names_of(made, request.words.front()));
    running.control_ = std::move(started.control);
    running.plan_memory_ = std::move(started.memory);
    return running;
}

}  // namespace crank::runtime
