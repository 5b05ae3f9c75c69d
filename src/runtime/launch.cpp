// Apply: a plan becomes a container.
#include <cstring>

#include "base/undo.h"
#include "runtime/cgroup.h"
#include "runtime/encode.h"
#include "runtime/runtime.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/memory.h"
#include "sys/mount.h"
#include "sys/open_flags.h"
#include "sys/socket.h"

namespace crank::runtime {
namespace {

// Bind sources become detached mounts: whatever happens to their paths from here on, the container
// gets what was named.
Result<std::vector<sys::UniqueFd>> open_binds(Plan& plan) {
    std::vector<sys::UniqueFd> mounts;
    for (auto& bind : plan.binds) {
        sys::UniqueFd mount = TRY(sys::clone_mount(bind.source, bind.recursive));
        TRY(sys::set_mount_attributes(mount.get(), bind.attr_set, bind.recursive, bind.source));
        plan.child[bind.step].op.a = TRY(sys::stat(bind.source)).is_dir() ? 0 : 1;
        mounts.push_back(std::move(mount));
    }
    return mounts;
}

// The worker could reach the running executable through /proc (CVE-2019-5736): it is started from a
// sealed copy in memory, 70 kB, which nobody can write to. A detached read-only mount of the file
// would do as well, but dropping it waits for a grace period of the kernel: 4 to 10 ms on an idle
// machine, where the copy takes 0.1.
Result<sys::UniqueFd> open_shim(const std::string& path) {
    return TRY_IN(sys::sealed_copy(path), "preparing crank-shim");
}

struct Handover {
    std::vector<std::pair<int, int>> fds;
    void add(int fd, int slot) {
        if (fd >= 0) fds.emplace_back(fd, shim::kFirstSlot + slot);
    }
};

struct Started {
    sys::UniqueFd control, memory;
};

Result<Started> start_shim(const std::string& bytes, Handover handover, const HostFacts& facts,
                           bool new_session) {
    Started started;
    started.memory = TRY(sys::make_memory_file("crank-plan", bytes.size()));
    TRY(sys::write_all(started.memory.get(), bytes, "the plan"));
    auto [mine, theirs] = TRY(sys::make_packet_pair());
    sys::UniqueFd shim = TRY(open_shim(facts.shim_path));
    sys::UniqueFd null = TRY(sys::open("/dev/null", sys::kReadWrite));
    handover.fds.emplace_back(started.memory.get(), shim::kPlanFd);
    handover.fds.emplace_back(theirs.get(), shim::kControlFd);
    for (int fd = 0; fd < 3; ++fd) handover.fds.emplace_back(null.get(), fd);
    sys::SpawnRequest request;
    request.path = "/proc/self/fd/" + std::to_string(shim.get());
    request.args = {"crank-shim", "--plan"};
    request.fds = std::move(handover.fds);
    request.new_session = new_session;
    sys::Child child = TRY_IN(sys::spawn(request), "starting " + facts.shim_path);
    // The monitor outlives this process; what it has to say comes over the socket.
    child.release();
    started.control = std::move(mine);
    return started;
}

}  // namespace

Result<Running> launch(LaunchRequest request, const HostFacts& facts) {
    Given given{static_cast<bool>(request.network_namespace),
                static_cast<bool>(request.io.stdin_read)};
    Plan made = TRY(plan(request.spec, request.rootfs, request.options, facts, given));
    Undo undo;
    auto apply = [&]() -> Result<Running> {
        TRY(create_cgroups(made, facts, undo));
        auto binds = TRY(open_binds(made));
        sys::UniqueFd cgroup = TRY(open_cgroup(made, facts));
        sys::Pipe gate;
        if (request.options.gate) gate = TRY(sys::make_pipe());
        Encoding encoding;
        encoding.options = &request.options;
        encoding.cgroup_given = static_cast<bool>(cgroup);
        encoding.forward_stdout = request.io.forward_stdout >= 0;
        encoding.forward_stderr = request.io.forward_stderr >= 0;
        encoding.listener_count = request.listeners.size();
        encoding.remove_cgroups = made.cgroup_dirs;
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
        handover.add(request.io.forward_stdout, forward_slot(made, request.listeners.size(), 0));
        handover.add(request.io.forward_stderr, forward_slot(made, request.listeners.size(), 1));
        handover.add(request.held.get(), forward_slot(made, request.listeners.size(), 2));

        Started started = TRY(start_shim(bytes, std::move(handover), facts, true));
        Running running;
        running.id_ = request.id;
        running.program_ = request.spec.process.args.front();
        for (const auto& step : made.child) running.step_names_.push_back(step.description);
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

Result<Running> join(JoinRequest request, const HostFacts& facts) {
    if (!is_alive(request.pid, request.start_time))
        return fail(Code::failed_precondition, "the container is not running");
    JoinFacts join_facts{request.cgroups_path, request.default_seccomp,
                         static_cast<bool>(request.stdin_read)};
    Plan made = TRY(plan_join(request.process, request.seccomp, join_facts, facts));
    sys::UniqueFd pidfd = TRY(sys::open_pidfd(request.pid));
    // Between the look and the open the number could have changed hands.
    if (!is_alive(request.pid, request.start_time))
        return fail(Code::failed_precondition, "the container is not running");
    if (facts.cgroup_mode == CgroupMode::v2)
        made.cgroup_dirs.push_back(facts.cgroup_mounts.front().second + request.cgroups_path);
    sys::UniqueFd cgroup = TRY(open_cgroup(made, facts));
    Encoding encoding;
    encoding.role = shim::Role::join;
    encoding.stdin_given = static_cast<bool>(request.stdin_read);
    encoding.stdout_given = static_cast<bool>(request.stdout_write);
    encoding.stderr_given = static_cast<bool>(request.stderr_write);
    encoding.cgroup_given = static_cast<bool>(cgroup);
    std::string bytes = TRY(encode(made, encoding));
    Handover handover;
    handover.add(pidfd.get(), made.network_slot());
    handover.add(request.stdin_read.get(), made.stdin_slot());
    handover.add(request.stdout_write.get(), made.stdout_slot());
    handover.add(request.stderr_write.get(), made.stderr_slot());
    handover.add(cgroup.get(), made.cgroup_slot());
    Started started = TRY(start_shim(bytes, std::move(handover), facts, true));
    Running running;
    running.program_ = request.process.args.front();
    for (const auto& step : made.child) running.step_names_.push_back(step.description);
    running.control_ = std::move(started.control);
    running.plan_memory_ = std::move(started.memory);
    return running;
}

}  // namespace crank::runtime
