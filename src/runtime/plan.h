// The pure part of the runtime: from a spec and the facts of the host to a list of steps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"
#include "shim/wire.h"

namespace crank::runtime {

enum class CgroupMode : std::uint8_t {
    none,  // no writable hierarchy
    v1,    // controllers in v1 hierarchies (a v2 beside them or not: "hybrid")
    v2,
};

// What the plan needs to know of the machine; read once per command (probe_host, host.h).
struct HostFacts {
    CgroupMode cgroup_mode = CgroupMode::none;
    // v1: mount point of each controller that crank uses ("memory" -> "/sys/fs/cgroup/memory").
    // v2: one entry "" -> "/sys/fs/cgroup", and the controllers enabled at its root.
    std::vector<std::pair<std::string, std::string>> cgroup_mounts;
    std::vector<std::string> v2_controllers;
    // Beside v1: where the v2 hierarchy lies that has the controllers above ("hybrid"); empty:
    // none.
    std::string unified_mount = {};
    // Below it are the groups of the engine's containers and of their monitors. Where systemd runs
    // a machine with v2 alone it is that of a unit, since what lies outside of all units may lose
    // its controllers (decision 32).
    std::string group_parent = "/crank";
    // v2: what crank may enable controllers from; empty: the hierarchy's root (delegation.h).
    std::string delegated = {};
    bool root = true;               // effective uid 0 with CAP_SYS_ADMIN
    std::string architecture;       // "amd64", "arm64" (GOARCH)
    int cpus = 1;                   // online
    std::int64_t memory_total = 0;  // bytes
    // Hard limit of open files (RLIMIT_NOFILE): raising it takes CAP_SYS_RESOURCE, which a host may
    // withhold even from root.
    std::uint64_t open_files_limit = 1048576;
    bool swap_accounting = false;
    std::string shim_path;  // crank-shim beside the executable or in libexec
    // crank itself runs in a user namespace: it can make no device, mounts of the kernel's file
    // systems take namespaces of its own, and not every id exists.
    bool user_namespace = false;
    std::uint32_t largest_gid = 4294967294U;
};

// What the container's file system is made of. Paths relative to `base` unless absolute.
struct Rootfs {
    std::string base;
    std::vector<std::string> lower;  // top first
    std::string upper, work;         // both empty: the root is mounted read-only
    bool throw_away = false;         // nothing in upper must survive a power cut: mount it volatile
};

// A file system object the monitor removes after the exit has been recorded, in this order.
struct AfterExit {
    // unlink_lease, unlink_own: a link, where it still leads to the last part of state_dir.
    // unlink_listed: the links that its lines "drop PATH" name, where they lead to that one too.
    // remove_unused_volume: a tree with a directory `users`, where nobody else has a link in that
    // one (engine, volume.h).
    enum class Kind : std::uint8_t {
        unlink,
        unlink_lease,
        unlink_own,
        unlink_listed,
        remove_tree,
        remove_unused_volume,
    } kind = Kind::unlink;
    std::string path;  // absolute
};

// A published port: what comes to the listener (of UDP: to the socket) of the same index goes to
// this address as seen from the host's network namespace.
struct ForwardedPort {
    std::uint32_t ipv4 = 0;  // network byte order
    std::uint16_t port = 0;  // host byte order
    bool udp = false;
};

struct LogOptions {
    std::string path;                    // absolute; empty: no log
    std::uint64_t max_bytes = 10 << 20;  // of one file
    std::uint32_t max_files = 5;         // path, path.1, ... path.4
};

// `--sandbox strict`, beyond what the OCI configuration has words for: the strict filter where
// spec.linux.seccomp is absent, and Landlock. Of all files those below `writable` alone can be
// changed, and no TCP port but `bind_ports` be bound (Linux 6.7).
struct Confinement {
    std::vector<std::string> writable;  // absolute, in the container; each must exist
    std::vector<std::uint16_t> bind_ports;
    bool operator==(const Confinement&) const = default;
};

// What the monitor does after the container's end, where the policy or an order says so: it becomes
// `command`, absolute (empty: there is nothing to become), with the pause's milliseconds as one
// word more. The pauses double from 0.1 s to a minute.
struct Restart {
    shim::Restart when = shim::Restart::never;
    std::uint32_t most = 0;           // on_failure: so many times; 0: any number
    std::uint32_t count = 0;          // restarts before this start
    std::uint32_t last_delay_ms = 0;  // the pause before this start
    std::vector<std::string> command;
    std::vector<std::string> environment = {};  // of the monitor, and so of `command`
};

// What the monitor executes every so often while the container runs; empty: nothing. Milliseconds.
struct HealthSchedule {
    std::vector<std::string> command;  // absolute
    std::uint32_t interval_ms = 0;     // between the end of one and the next
    std::uint32_t start_interval_ms = 0, start_period_ms = 0;  // wire.h
    std::uint32_t deadline_ms = 0;                             // it is killed then
};

// What the OCI configuration has no word for.
struct Options {
    std::optional<Confinement> confinement = {};
    bool init = true;              // crank-shim as PID 1: forwards signals, reaps orphans
    bool default_seccomp = true;   // the built-in filter where spec.linux.seccomp is absent
    bool gate = false;             // wait for open_gate() before the worker's program starts
    bool end_with_caller = false;  // the worker is killed when the caller ends (RUN steps)
    // A native worker: identity, capabilities and system calls stay the caller's; spec.process.user
    // but for its umask, and capabilities and seccomp, do not count. Without namespaces alone.
    bool keep_rights = false;
    bool timings = false;
    std::string state_dir;  // absolute; the monitor writes `state` and `exit` here
    LogOptions log;
    std::vector<ForwardedPort> ports;
    // The container has a resolver (two sockets behind the listeners of the ports), and whom that
    // asks: IP addresses, the first three count.
    bool resolves = false;
    std::vector<std::string> name_servers = {};
    std::vector<AfterExit> after_exit;
    Restart restart = {};
    HealthSchedule health = {};
    std::string mount_point;  // absolute, an existing empty directory: the root is mounted on it
                              // in the container's own mount namespace
};

// One line of `crank run --explain` and of an error message: "mount proc on /proc".
struct Step {
    shim::Op op;  // offsets are into Plan::text
    std::string description;
};

// A file to write in a cgroup, by the parent, before the start.
struct CgroupWrite {
    std::string controller;  // "" on v2
    std::string file, value;
    bool optional = false;  // the host may lack the file (swap accounting, for example)
    // Where the group has no `file`: this one, with a value of its own.
    std::string otherwise_file = {}, otherwise_value = {};
};

// What is read of a cgroup at the end: the number of a file, or of its line that begins with
// `field`.
struct CgroupFact {
    std::string name, file, field;
};

struct Plan {
    std::vector<std::string> cgroup_dirs;  // absolute, created in this order
    std::vector<CgroupWrite> cgroup_writes;
    std::vector<oci::DeviceRule> device_rules;  // v2: becomes a BPF program of the cgroup
    std::vector<CgroupFact> facts;              // asked of the cgroup once all has ended
    std::string log_group;                      // as the kernel's log names it; empty: none
    std::vector<std::string> monitor_cgroups;   // absolute files that the monitor writes "0" to
    // Sources of bind mounts, opened by the parent as detached mounts. A container that is handed
    // over opens its own (OpKind::open_bind).
    struct Bind {
        std::string source;          // absolute on the host
        std::uint64_t attr_set = 0;  // MOUNT_ATTR_* applied to the detached mount
        bool recursive = true;
        std::size_t step = 0;     // its attach_mount in `child`
        bool propagates = false;  // keeps its peers until a later step says what it becomes
        bool is_root = false;     // becomes a slave of its peers: what is made below stays there
        std::uint64_t attr_clear = 0;
        // Id-mapped: by these, or where they are empty by the container's user namespace.
        enum class Ids : std::uint8_t { kept, mapped, mapped_recursively } ids = Ids::kept;
        std::vector<oci::IdMapping> uid_mappings, gid_mappings;
        std::optional<std::uint64_t> device;  // the source must be it (makedev)
        bool is_block = false;
        std::uint64_t attr_top = 0;  // set on the mount itself, not on those below
        // The root of a user namespace whose layers only the parent reaches: `source` is their
        // base.
        struct Layers {
            std::string options, target;  // of overlayfs; an empty directory
            std::uint64_t flags = 0;      // MS_*
        };
        std::optional<Layers> layers;
    };
    std::vector<Bind> binds;
    std::vector<Step> child;  // performed by the container's first process, in order
    std::string text;         // the strings that ops refer to, NUL-terminated; lists are 8-aligned
    bool holds_nul = false;   // one of them would be cut: nothing is started with this plan
    std::uint64_t clone_flags = 0;
    std::size_t before_clone = 0;  // so many steps are the joiner's own
    std::size_t between = 0;       // and so many behind them of a process of their own
    bool terminal = false;
    // Namespaces joined by their path, opened by the parent: namespace i is joined_slot(i). A user
    // namespace stands here too when it is new: its path is empty.
    struct Joined {
        std::string type, path;  // "network", "/run/netns/x"
        std::uint64_t flag = 0;  // CLONE_NEW*
    };
    std::vector<Joined> joined;
    std::size_t listeners = 0;  // of published ports, and the resolver's

    // The order of descriptors: bind i is slot i, then these, then listeners.
    int network_slot() const { return static_cast<int>(binds.size()); }
    int gate_slot() const { return network_slot() + 1; }
    int stdin_slot() const { return network_slot() + 2; }
    int stdout_slot() const { return network_slot() + 3; }
    int stderr_slot() const { return network_slot() + 4; }
    int cgroup_slot() const { return network_slot() + 5; }
    int first_listener_slot() const { return network_slot() + 6; }
    // Behind the listeners; the first two of a container that is handed over.
    int start_socket_slot() const { return first_listener_slot() + static_cast<int>(listeners); }
    int console_slot() const { return start_socket_slot() + 1; }
    int joined_slot(std::size_t i) const { return start_socket_slot() + 2 + static_cast<int>(i); }
    int first_preserved_slot() const { return joined_slot(joined.size()); }

    std::string describe() const;  // all of it, a line each
};

// Descriptors that the caller has, which decide what the plan does with them.
struct Given {
    bool network_namespace = false;
    bool stdin_read = false;
    bool user_namespace = false;  // which linux.namespaces has as a new one
    // The first process goes to the caller (`crank oci`): it waits to be started, on a socket.
    bool hand_over = false;
    bool start_socket = false;        // false: the program is executed at once
    bool wait_for_hooks = false;      // before the root is entered
    bool wait_for_own_hooks = false;  // those inside, before the program starts
    bool plain_lines = false;         // of its terminal: ends of lines stay as they are written
    std::uint32_t preserved_fds = 0;  // handed to the program as 3, 4, ...
    std::vector<std::uint32_t> missing_fds = {};  // which of them, from 0, the caller does not have
    std::string keyring;                          // of its session, a new one; empty: the caller's
    // Of another runtime's container: where its process sees detached mounts, each a file there, in
    // the order of their slots from 0 on.
    std::vector<std::string> made_mounts = {};
};

// Pure. Errors: invalid_argument or unsupported, naming the field of the spec.
Result<Plan> plan(const oci::RuntimeSpec& spec, const Rootfs& rootfs, const Options& options,
                  const HostFacts& facts, const Given& given);

// The plan of a second process in a container; slot network_slot() is the pidfd of its first one.
struct JoinFacts {
    std::string cgroups_path;
    bool default_seccomp = true;
    bool stdin_read = false;
    bool hand_over = false;
    bool plain_lines = false;
    std::uint32_t preserved_fds = 0;
    std::vector<std::uint32_t> missing_fds = {};
    std::string keyring = {};  // of its session, a new one; empty: the caller's
    std::optional<std::string> personality = {};
    std::optional<oci::MemoryPolicy> memory_policy = {};
    // Of the user namespace that the container's first process is in.
    bool user_namespace = false;
    bool cgroup_namespace = true;  // another than crank's own
    // The container has no mount namespace of its own: joined_slot(0) is its root.
    bool shares_mounts = false;
    std::vector<oci::IdMapping> uid_mappings = {}, gid_mappings = {};
    // Groups of v1 that exist beside those that every container has.
    std::vector<std::string> limit_dirs = {};
    // Below the container's group, of the controllers named or of all: what is joined instead.
    std::string sub_cgroup = {};
    std::vector<std::string> sub_controllers = {};
    std::optional<Confinement> confinement = {};
};
// What a hook inside a container has that does not stand in its own object.
struct InsideHook {
    std::vector<std::string> env;  // where it has none itself
    std::string cwd;
    std::optional<std::uint32_t> home_of;  // HOME is looked up for this user, where it is missing
    // Whose rights it gets; nothing: the caller's. What the image brings must not have those.
    std::optional<oci::Process> rights;
    std::optional<oci::Seccomp> seccomp;
    bool default_seccomp = false;  // the built-in filter, where it is given rights and no other
};
// A hook: a program in the namespaces of the container's first process.
// Slot network_slot() is the pidfd, start_socket_slot() its root.
Result<Plan> plan_hook(const oci::Hook& hook, const InsideHook& where, const JoinFacts& join);
Result<Plan> plan_join(const oci::Process& process, const std::optional<oci::Seccomp>& seccomp,
                       const JoinFacts& join, const HostFacts& facts);

// Another OCI runtime, and what it is told of one container. Commands are lists of words, the
// program first, with its absolute path.
struct OtherRuntime {
    std::vector<std::string> create, start, kill, remove;  // kill: but for the signal's number
    std::string bundle;                                    // absolute; config.json lies in it
    std::string pid_file;  // where `create` leaves the number of the container's first process
};
// The plan of what calls it: a process with a mount namespace of its own, in which the root is
// mounted and each namespace of `spec` that has a path becomes a file of that path, joined_slot(i)
// for the i-th of them. The program is the runtime's `create`. Pure; errors as plan()'s.
Result<Plan> plan_other(const oci::RuntimeSpec& spec, const Rootfs& rootfs, const Options& options,
                        const HostFacts& facts, const Given& given, const OtherRuntime& other);
// Of a second process: `words` is the runtime's `exec`, which attends it.
Result<Plan> plan_other_exec(const std::vector<std::string>& words, const oci::Process& process,
                             bool stdin_read);

}  // namespace crank::runtime
