// The OCI runtime configuration, config.json (runtime-spec v1.3, config.md and config-linux.md):
// the only contract between engine, builder and runtime. The types hold what crank's engine uses;
// the room grows with the verbs of `crank oci`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

// g++ predefines `linux` as 1 in its gnu++ dialects.
#undef linux

namespace crank::oci {

struct User {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> additional_gids;
    std::optional<std::uint32_t> umask;
};

// Names as in the specification: "CAP_CHOWN".
struct CapabilitySets {
    std::vector<std::string> bounding, effective, permitted, inheritable, ambient;
};

struct Rlimit {
    std::string type;  // "RLIMIT_NOFILE"
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
};

// sched_setattr(2); policy and flags by name: "SCHED_FIFO", "SCHED_FLAG_RESET_ON_FORK".
struct Scheduler {
    std::string policy;
    std::int32_t nice = 0, priority = 0;
    std::vector<std::string> flags;
    std::optional<std::uint64_t> runtime, deadline, period;  // nanoseconds
};

// Processors, as "0-3,7", of a process that `exec` starts: before it joins the container's cgroup,
// and from then on. Empty: not said.
struct CpuAffinity {
    std::string initial, final;
};

// ioprio_set(2).
struct IoPriority {
    std::string level;  // "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"
    std::int32_t priority = 0;
};

struct Process {
    bool terminal = false;
    std::uint16_t console_rows = 0, console_columns = 0;
    User user;
    std::vector<std::string> args;
    std::vector<std::string> env;  // "NAME=value"
    std::string cwd = "/";
    CapabilitySets capabilities;
    std::vector<Rlimit> rlimits;
    bool no_new_privileges = true;
    std::optional<int> oom_score_adj;
    std::optional<Scheduler> scheduler;
    std::optional<IoPriority> io_priority;
    std::optional<CpuAffinity> exec_cpu_affinity;
};

struct IdMapping {
    std::uint32_t container_id = 0, host_id = 0, size = 0;
};

struct Mount {
    std::string destination;  // absolute, inside the container
    std::string type;         // "proc", "tmpfs", "bind", ...
    std::string source;
    std::vector<std::string> options;  // "ro", "nosuid", "rbind", "size=64m", ...
    // Of the source's ids to those that are seen: an id-mapped mount.
    std::vector<IdMapping> uid_mappings, gid_mappings;
};

struct Namespace {
    std::string type;  // "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"
    std::string path;  // empty: a new one
};

struct DeviceRule {
    bool allow = false;
    std::string type = "a";  // "a", "c", "b"
    std::optional<std::int64_t> major, minor;
    std::string access;  // "rwm"
    bool operator==(const DeviceRule&) const = default;
};

struct Device {
    std::string path, type;
    std::int64_t major = 0, minor = 0;
    std::uint32_t file_mode = 0666, uid = 0, gid = 0;
};

// Of a block device: bytes or operations a second; 0: no limit.
struct DeviceThrottle {
    std::int64_t major = 0, minor = 0;
    std::uint64_t rate = 0;
    bool operator==(const DeviceThrottle&) const = default;
};

struct DeviceWeight {
    std::int64_t major = 0, minor = 0;
    std::optional<std::uint16_t> weight;
    bool operator==(const DeviceWeight&) const = default;
};

struct BlockIo {
    std::optional<std::uint16_t> weight;  // 10 to 1000
    std::vector<DeviceWeight> weight_devices;
    std::vector<DeviceThrottle> read_bytes, write_bytes, read_operations, write_operations;
    bool operator==(const BlockIo&) const = default;
};

struct HugepageLimit {
    std::string page_size;    // "2MB"
    std::uint64_t limit = 0;  // bytes
    bool operator==(const HugepageLimit&) const = default;
};

struct InterfacePriority {
    std::string name;
    std::uint32_t priority = 0;
    bool operator==(const InterfacePriority&) const = default;
};

struct RdmaLimit {
    std::optional<std::uint32_t> handles, objects;
    bool operator==(const RdmaLimit&) const = default;
};

struct Resources {
    std::optional<std::int64_t> memory_limit;  // bytes
    std::optional<std::int64_t> memory_swap;   // bytes, memory + swap; -1 unlimited
    std::optional<std::int64_t> memory_reservation;
    std::optional<std::int64_t> memory_kernel_tcp;
    std::optional<std::uint64_t> memory_swappiness;  // 0 to 100
    std::optional<bool> disable_oom_killer, memory_use_hierarchy, memory_check_before_update;
    std::optional<std::uint64_t> cpu_shares;
    std::optional<std::int64_t> cpu_quota;    // microseconds per period
    std::optional<std::uint64_t> cpu_period;  // microseconds
    std::optional<std::uint64_t> cpu_burst;   // microseconds
    std::optional<std::int64_t> cpu_rt_runtime;
    std::optional<std::uint64_t> cpu_rt_period;
    std::optional<std::int64_t> cpu_idle;
    std::string cpuset_cpus, cpuset_mems;
    std::optional<std::int64_t> pids_limit;  // -1 unlimited
    std::vector<DeviceRule> devices;
    BlockIo block_io;
    std::vector<HugepageLimit> hugepages;
    std::optional<std::uint32_t> network_class;
    std::vector<InterfacePriority> network_priorities;
    std::map<std::string, RdmaLimit> rdma;       // by device
    std::map<std::string, std::string> unified;  // file of a v2 group: what is written to it
    bool operator==(const Resources&) const = default;
};

struct SeccompArg {
    std::uint32_t index = 0;
    std::uint64_t value = 0, value_two = 0;
    std::string op;  // "SCMP_CMP_EQ", ...
};

struct SeccompSyscall {
    std::vector<std::string> names;
    std::string action;  // "SCMP_ACT_ALLOW", ...
    std::optional<std::uint32_t> errno_ret;
    std::vector<SeccompArg> args;
};

struct Seccomp {
    std::string default_action;
    std::optional<std::uint32_t> default_errno_ret;
    std::vector<std::string> architectures;
    std::vector<SeccompSyscall> syscalls;
    std::vector<std::string> flags;  // "SECCOMP_FILTER_FLAG_LOG", ...
    // Where the descriptor is sent that SCMP_ACT_NOTIFY asks, and what is said with it.
    std::string listener_path, listener_metadata;
};

// Of a clock of a new time namespace (time_namespaces(7)).
struct ClockOffset {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
};

// set_mempolicy(2); mode and flags by name: "MPOL_BIND", "MPOL_F_STATIC_NODES".
struct MemoryPolicy {
    std::string mode, nodes;  // "0-3,7"
    std::vector<std::string> flags;
};

// A device of the host's that the container is given.
struct NetDevice {
    std::string name;  // inside; empty: as on the host. "eth%d": the first number that is free
};

// A symbolic link of the container's root.
struct Link {
    std::string target, path;  // path absolute
    bool operator==(const Link&) const = default;
};

struct Linux {
    std::vector<Namespace> namespaces;
    std::map<std::string, NetDevice> net_devices;  // by their names on the host
    std::vector<IdMapping> uid_mappings, gid_mappings;
    std::vector<Device> devices;
    // Each of them needs a rule in `resources.devices`, as in a config.json; otherwise to be given
    // it is to be allowed to use it. Not part of the document.
    bool device_rules_complete = false;
    // Made once everything is mounted; not part of the document.
    std::vector<Link> links;
    Resources resources;
    std::string cgroups_path;
    std::string rootfs_propagation;
    std::vector<std::string> masked_paths, readonly_paths;
    std::map<std::string, std::string> sysctl;
    std::optional<Seccomp> seccomp;          // absent: unconfined
    std::optional<std::string> personality;  // "LINUX", "LINUX32"
    std::optional<ClockOffset> monotonic_offset, boottime_offset;
    std::optional<MemoryPolicy> memory_policy;
};

// A program that a runtime executes at a point of a container's life (config.md, "Hooks"), with
// the container's state on standard input.
struct Hook {
    std::string path;               // absolute
    std::vector<std::string> args;  // with the program's name; empty: the path alone
    std::vector<std::string> env;
    std::optional<std::int64_t> timeout;  // seconds
};
struct Hooks {
    std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart,
        poststop;
};

struct RuntimeSpec {
    std::string oci_version = "1.2.0";
    std::string hostname, domainname;
    std::string root_path;  // of the bundle; empty where the engine hands over mounted layers
    bool root_readonly = false;
    bool has_process = true;  // without one a container can be created, and not be started
    Process process;
    std::vector<Mount> mounts;  // in the order they are made
    Linux linux;
    Hooks hooks;
    std::map<std::string, std::string> annotations;
};

// Unknown fields are errors, unless a list for their paths is given: a runtime must ignore what a
// newer specification added (config.md, "Extensibility").
// Errors: invalid_argument with the JSON path of the field ("process.user.uid").
Result<RuntimeSpec> parse_runtime_spec(std::string_view json,
                                       std::vector<std::string>* ignored = nullptr);
// The objects `process` and `linux.resources` by themselves: what `exec --process` and `update
// --resources` are given.
Result<Process> parse_process(std::string_view json, std::vector<std::string>* ignored);
Result<Resources> parse_resources(std::string_view json, std::vector<std::string>* ignored);
std::string serialize(const RuntimeSpec& spec);
std::string serialize(const Process& process);

}  // namespace crank::oci
