// Starting a container: spec -> plan (plan.h, pure) -> apply (this file).
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"
#include "runtime/handshake.h"
#include "runtime/plan.h"
#include "sys/unique_fd.h"
#include "sys/user_namespace.h"

namespace crank::runtime {

// How a process ended. `code` is what `crank run` exits with: the status, or 128 + signal.
struct ExitStatus {
    int code = 0;
    int signal = 0;  // 0: ended by itself
    bool oom_killed = false;
    std::int64_t finished_at_ns = 0;  // CLOCK_REALTIME
};

// A moment of a start, in nanoseconds of CLOCK_MONOTONIC.
struct Timing {
    std::string name;
    std::int64_t at_ns = 0;
};

// A descriptor that the caller hands over to the monitor or the worker.
struct Io {
    // The worker's standard input: a descriptor to give to it (a pipe's end, never a terminal or a
    // file of the caller's); invalid: /dev/null.
    sys::UniqueFd stdin_read;
    // Where the monitor forwards the worker's output while the caller listens (the caller's own
    // stdout and stderr, not owned); -1: nowhere. The worker never sees these.
    int forward_stdout = -1;
    int forward_stderr = -1;
};

// What the container's resolver is asked on: sockets in its network namespace, non-blocking.
struct ResolverSockets {
    sys::UniqueFd udp = {}, tcp = {};  // invalid: it has none
};

struct LaunchRequest {
    std::string id;  // names the container in messages
    oci::RuntimeSpec spec;
    Rootfs rootfs;
    Options options;
    Io io;
    // A network namespace made by the caller; invalid: the plan decides (none: a new one with only
    // lo up; host: none at all).
    sys::UniqueFd network_namespace;
    // Where linux.namespaces has a new user namespace: it, made by the caller by the spec's
    // mappings; the network namespace must belong to it.
    sys::UniqueFd user_namespace;
    // What the monitor keeps open until it has cleaned up: a lock on what the container is made of.
    sys::UniqueFd held;
    sys::UniqueFd held_too = {};  // a lock on where it lives: a user namespace of crank's
    // Detached mounts that stand for the source of a bind mount of the spec; each can be used once,
    // and stays the caller's.
    std::map<std::string, int> made_mounts = {};
    // Where another runtime makes it: namespaces are opened by the paths that the spec has for
    // them.
    std::optional<OtherRuntime> other = {};
    sys::UniqueFd pid_namespace = {};  // with `other`: another's
    sys::UniqueFd console = {};        // with `other` and a terminal: where it is sent, a listener
    // Bound, listening sockets (non-blocking) of the published ports, in the order of
    // options.ports.
    std::vector<sys::UniqueFd> listeners;
    ResolverSockets resolver = {};
};

// What the user namespace of a LaunchRequest is made with.
sys::IdMaps id_maps(const oci::RuntimeSpec& spec);

struct JoinRequest;
struct HookRequest;

// A container from its launch on. Dropping it closes the control socket: the monitor and the worker
// go on alone.
class Running {
public:
    Running(Running&&) noexcept = default;
    Running& operator=(Running&&) noexcept = default;

    // Where the spec has hooks that come before the program: until the first process waits for
    // them (Given::wait_for_hooks, wait_for_own_hooks), and lets it go on. launch_hooks.h does
    // both.
    Result<> wait_for_hooks();
    Result<> go_on();
    // With options.gate: lets the worker's program start (the network is ready).
    Result<> open_gate();
    // Until the worker's program runs. Errors name the step that failed: cannot_invoke and
    // command_not_found for the program itself. The deadline is 60 s.
    Result<> wait_started();
    // Until it ended (wait_started must have succeeded).
    Result<ExitStatus> wait_exit();
    // To the worker's first process.
    Result<> send_signal(int signal);
    // With process.terminal: the pseudo-terminal's master end, to write input and set the size.
    // Valid after wait_started. The output of a joined process is read from it too; of a container,
    // the monitor reads and forwards it.
    const sys::UniqueFd& terminal() const { return terminal_; }
    // Readable when there is something for wait_started or wait_exit to read: for poll loops.
    int control_fd() const { return control_.get(); }
    // Of the container's first process, in the caller's view: from the first wait on.
    pid_t pid() const { return pid_; }
    // From inside, with options.timings.
    std::vector<Timing> timings() const;

private:
    friend Result<Running> launch(LaunchRequest request, const HostFacts& facts);
    Running() = default;
    friend Result<Running> join(JoinRequest request, const HostFacts& facts);
    friend Result<Running> join_hook(HookRequest request, const HostFacts& facts);
    friend Result<Running> launch_other(LaunchRequest request, const HostFacts& facts);
    friend Result<Running> join_other(struct OtherJoinRequest request, const HostFacts& facts);
    Result<> receive_until(shim::Message wanted);

    std::string id_;
    Handshake handshake_{StepNames{}};
    sys::UniqueFd control_;
    sys::UniqueFd plan_memory_;
    sys::UniqueFd terminal_;
    sys::UniqueFd gate_;
    pid_t pid_ = -1;
    bool started_ = false;
    std::optional<ExitStatus> exit_;
};

// Computes the plan, prepares what needs rights or can fail with a good message (cgroups with
// limits, detached mounts of the bind sources), and hands over to crank-shim. On an error nothing
// is left behind. One start costs no directory listing and no write outside the cgroup files.
Result<Running> launch(LaunchRequest request, const HostFacts& facts);

// A second process in a running container.
struct JoinRequest {
    pid_t pid = -1;                // the container's first process
    std::uint64_t start_time = 0;  // of it, field 22 of /proc/PID/stat: guards against a reused pid
    std::string cgroups_path;      // as in the container's spec
    oci::Process process;
    std::optional<oci::Seccomp> seccomp;
    bool default_seccomp = true;
    std::optional<Confinement> confinement = {};
    sys::UniqueFd stdin_read, stdout_write,
        stderr_write;              // given to the process; invalid: /dev/null
    bool end_with_caller = false;  // it is killed when the caller ends
};
Result<Running> join(JoinRequest request, const HostFacts& facts);

// A hook in the namespaces of a container's first process.
struct HookRequest {
    pid_t pid = -1;
    int pidfd = -1;
    oci::Hook hook;
    InsideHook where;
    sys::UniqueFd stdin_read;  // the container's state
    sys::UniqueFd output;      // both of its outputs
};
Result<Running> join_hook(HookRequest request, const HostFacts& facts);

// What the monitor of a container left in its state directory.
struct MonitorState {
    pid_t pid = -1;  // the container's first process
    std::uint64_t start_time = 0;
    pid_t monitor_pid = -1;
    std::uint64_t monitor_start_time = 0;
    std::int64_t started_at_ns = 0;  // CLOCK_REALTIME
};
// not_found: never started, or the machine was restarted since.
Result<MonitorState> read_monitor_state(const std::string& state_dir);
// not_found: not ended yet (or its monitor was killed; see is_alive).
Result<ExitStatus> read_exit_status(const std::string& state_dir);
// Whether the process is the one meant and runs.
bool is_alive(pid_t pid, std::uint64_t start_time);
// Sends a signal to exactly that process (pidfd). not_found: it is gone.
Result<> signal_process(pid_t pid, std::uint64_t start_time, int signal);
// Waits until that process is gone. false: the deadline ran out.
Result<bool> wait_gone(pid_t pid, std::uint64_t start_time, std::chrono::milliseconds deadline);

// Kills whatever is left in the container's cgroups and removes them; for sweeping after a crash.
Result<> remove_cgroups(const std::string& cgroups_path, const HostFacts& facts);
// Every process in the groups, also in those below that the container has made or frozen.
Result<> kill_cgroups(const std::string& cgroups_path, const HostFacts& facts);
struct CgroupUsage {
    std::int64_t memory_peak = 0, memory_current = 0;  // bytes
    std::int64_t cpu_usage_ns = 0;
    std::int64_t periods = 0, throttled_periods = 0, throttled_ns = 0;
    std::int64_t oom_kills = 0, limit_hits = 0;
    std::int64_t pids = 0, pids_refused = 0;
};
Result<CgroupUsage> read_usage(const std::string& cgroups_path, const HostFacts& facts);

}  // namespace crank::runtime
