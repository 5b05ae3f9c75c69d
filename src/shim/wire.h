// The plan as it crosses from crank to crank-shim: flat, position-independent, no pointers.
//
// It lies in a memfd that crank fills and both map: a Header, `op_count` Ops, then the text that
// the ops refer to by offset (NUL-terminated strings; lists are strings one behind the other). The
// shim is built from the same sources, so there is one version and no negotiation; kMagic changes
// with the layout all the same, because an old shim may stand on the disk.
//
// No C++ library header here: this is compiled into the shim, which has none.
#pragma once

#include <stdint.h>

namespace crank::shim {

inline constexpr uint32_t kMagic = 0x38'4b'52'43;  // "CRK8"

// Descriptors of crank-shim at its start.
inline constexpr int kPlanFd = 3;
inline constexpr int kControlFd = 4;
inline constexpr int kFirstSlot =
    64;  // slot i is descriptor kFirstSlot + i; above what the shim opens itself
inline constexpr int32_t kNoSlot = -1;

// And of one that adopts a container (adoption.h): beside the plan, the control socket and the
// slots, each may be absent.
inline constexpr int kAdoptedProcess = 5;  // a descriptor of the first process; absent: it is gone
inline constexpr int kAdoptedOut = 6, kAdoptedErr = 7, kAdoptedTerminal = 8;
inline constexpr int kAdoptedLife = 9;  // the writing end of the init's life line
// The plan's file in the state directory of a container: locked (flock) by monitor and guard.
inline constexpr char kPlanFile[] = "plan";
// What its networks are, in the same place (names.h).
inline constexpr char kNetworksFile[] = "networks";
// What an init holds, under the same numbers in each container (last_reader.h).
inline constexpr int kInitOut = 3, kInitErr = 4, kInitTerminal = 5, kInitLife = 6;

enum class OpKind : uint16_t {
    // Where the process belongs.
    mapped_root,    // a: uid, b: gid: the user namespace's own ids from here on, no groups
    raise_limit,    // a: RLIMIT_*, c: hard; the rest of it, and what is higher already, stays
    join_cgroup,    // s1: a v1 `tasks` file; "0" is written to it
    set_namespace,  // fd: a namespace or pidfd; a: CLONE_NEW* flags; b: 1 where fd is closed then
    unshare,        // a: CLONE_NEW* flags
    loopback_up,    // lo of the current network namespace
    hostname,       // s1
    // The root file system; destinations (s2) are resolved inside the root.
    isolate_mounts,  // every mount becomes a slave: nothing made here reaches the host; a: 1 when
                     // lock_mounts follows
    mount_overlay,   // s1: directory that the options are relative to, s2: options, s3: target on
                     // the host; a: MS_*
    open_root,       // s1: directory on the host
    attach_root,     // fd: a detached mount, which becomes the root to be built
    change_root,     // fd: a directory, which becomes the root of this process
    make_dir,        // s2, a: mode
    mount_fs,        // s1: type, then its source; s2: destination, s3: options; a: MOUNT_ATTR_*;
                     // b: 1 when no part of the destination may be a link
    open_bind,       // s1: source on the host, as it is by now; a: MOUNT_ATTR_* of it, b: of what
                     // is mounted below too, c: kBind*; attach_mount without fd attaches it
    attach_mount,    // fd: a detached mount, s2: destination, a: 1 when it is no directory; b: 1
                     // when a file of /proc is meant; c: 1 when no part of the destination may be
                     // a link, or 2 when a copy made now is attached
    make_node,       // s2, a: mode with type, b: device number (makedev)
    make_link,       // s1: target, s2
    mask_path,  // s2: a file becomes /dev/null, a directory an empty read-only one; absent: nothing
    readonly_path,  // s2, a: 1 when a mount point is meant itself; absent: nothing
    pivot_root,     // the root becomes "/"
    root_readonly,  // "/" itself, not what is mounted below
    lock_mounts,    // fd: the user namespace; what is mounted by now cannot be taken off or opened
                    // by who has only that one's rights
    write_file,     // s1: path seen from "/", s2: content (sysctl)
    // The process itself.
    gate,       // fd: waits for one byte
    terminal,   // a: rows, b: columns; becomes stdin, stdout and stderr; fd: the socket that
                // its master end is sent to, or kNoSlot: the monitor's; s1: not
                // empty when it leaves the ends of lines as they are written
    stdio,      // the pipes; fd: stdin's slot or kNoSlot. terminal and stdio: c: 1 + the user who
                // is given them, or 0; stdio: a: the same of a group
    oom_score,  // s1: the value as text
    rlimit,     // a: RLIMIT_*, s1..s2 unused; b: soft, c: hard
    umask,      // a
    bounding_set,  // a: mask of capabilities kept
    user,          // a: uid, b: gid, c: count of groups, s1: offset of uint32 groups
    capabilities,  // a: effective, b: permitted, c: inheritable
    ambient_set,   // a: mask
    change_dir,    // s1
    no_new_privileges,
    seccomp,  // s1: offset of sock_filter[], a: count, b: SECCOMP_FILTER_FLAG_*; c: 1: its listener
              // is sent to fd, or where there is none to whoever starts the container, and a byte
              // waited for
    init,     // the process stays as PID 1 and the ops behind this one run in its child
    exec,     // s1: list of a arguments, s2: list of b variables, s3: the program, or 0: the
              // first argument; c: so many descriptors from slot fd on become 3, 4, ...; s4: the
              // offset of a bit for each of them: 1: there is none, and that number is closed
    // Of containers whose first process goes to the caller (kFlagHandOver).
    bind_root,        // s1: directory on the host, which becomes a mount
    propagation,      // of s2 below "/" (after pivot_root), or of what was attached from slot fd,
                      // or with b: 1 by the last attach_mount; a: MS_*
    domain_name,      // s1
    session_keyring,  // s1: its name
    sync,             // says that it is reached, then as gate
    find_home,        // a: uid; exec adds the HOME that /etc/passwd has for it, or "/"
    find_program,     // as exec, without executing
    await_start,      // says that it is reached, then accepts on socket fd and waits for one byte;
                      // what fails from here on is told to the one who connected
    scheduler,        // s1: offset of a sched_attr
    memory_policy,    // a: set_mempolicy's mode; s1: offset of its mask, b: bits of that
    io_priority,      // a: ioprio_set's value
    personality,      // a
    cpu_affinity,     // s1: offset of the mask, a: its bytes
    landlock,         // s1: offset of a uint32 ports that may be bound, s2: list of b paths below
                      // which files may be changed
    // Without a mount namespace of its own.
    copy_root,    // s1: directory on the host; a copy of its mounts that is in no mount namespace
                  // becomes the root to be built (Linux 6.15)
    enter_copy,   // it becomes "/", for this process and those that come from it
    give_output,  // a: uid, b: gid, the host's: whose the worker's pipes become
    // Of a container of another runtime.
    bind_descriptor,  // fd: a namespace, or with a: 1 a detached mount; s1: a file on the host that
                      // becomes it
};

// Of open_bind. From that bit on: MOUNT_ATTR_* that are cleared, of what is mounted below too.
inline constexpr uint64_t kBindRecursive = 1, kBindKeepsPeers = 2;
inline constexpr unsigned kBindClearedShift = 32;

struct Op {
    OpKind kind;
    uint16_t reserved = 0;
    int32_t fd = kNoSlot;
    uint64_t a = 0, b = 0, c = 0;
    uint32_t s1 = 0, s2 = 0, s3 = 0, s4 = 0;
};
static_assert(sizeof(Op) == 48);

// Moments of a start, CLOCK_MONOTONIC nanoseconds; 0: not reached.
enum class Moment : uint32_t {
    shim_started,
    cloned,
    in_child,
    cgroups_joined,
    root_ready,
    mounts_ready,
    gate_passed,
    exec,
    count
};

// Written by the container's processes and by the monitor, read by crank.
// On a page of its own: an init keeps that one mapped and nothing that the monitor acts on.
inline constexpr uint32_t kPage = 4096;
struct alignas(kPage) Shared {
    uint64_t moments[static_cast<uint32_t>(Moment::count)];
    // Set by the init before it ends: wait(2)'s status of the worker's main process, and 1.
    uint32_t init_status;
    uint32_t init_status_valid;
    // The last signal that the init passed on, 0: none; and 1 where a process of the container had
    // sent it, 0 where one outside had.
    uint32_t init_passed_signal;
    uint32_t init_passed_from_inside;
    // Set by the monitor, a futex: it has the worker's number, which the init keeps until then.
    uint32_t worker_found;
    // Set by the init: it has the descriptors kInitOut and so on.
    uint32_t init_holds_streams;
    // Bytes of output that the init has thrown away while nobody read.
    uint64_t lost_bytes;
    // Set by the monitor: the inodes of the pipes for stdout and stderr; 0: none.
    uint64_t stream_inodes[2];
    // Set by a command, kOrder*; a futex.
    uint32_t orders;
    // Set by a command: another restart policy than the plan's, as restart_order() writes it; 0:
    // none.
    uint32_t restart;
    // With kOrderRestart: the pause before the next start, milliseconds.
    uint32_t restart_after_ms;
};

inline constexpr uint32_t kOrderStayEnded = 1;  // whatever its policy: it is not started again
inline constexpr uint32_t kOrderKeep = 2;       // it is about to be: it stays, also with --rm
// Once it has ended it is started again, whatever its policy; kOrderStayEnded counts more.
inline constexpr uint32_t kOrderRestart = 8;

inline constexpr uint32_t kMaxPorts = 64;
inline constexpr uint32_t kMaxAfterExit = 64;
inline constexpr uint32_t kMaxFacts = 32;
inline constexpr uint32_t kMaxRestartWords = 16;
inline constexpr uint32_t kMaxNameServers = 3;
inline constexpr uint32_t kMaxHealthWords = 16;

// unlink_lease, unlink_own: a link, where it still leads to the state directory's container.
// unlink_listed: those that a file names.
enum class AfterExitKind : uint32_t {
    unlink,
    unlink_lease,
    unlink_own,
    unlink_listed,
    remove_tree,
    remove_cgroup,
    remove_unused_volume,
    kill_cgroup
};

enum class Restart : uint32_t { never, on_failure, always };
// The word of orders that replaces a plan's policy: 1 more than the Restart, and how many times.
inline constexpr uint32_t kMostRestartTimes = (1U << 24) - 1;
constexpr uint32_t restart_order(Restart when, uint32_t most) {
    return (static_cast<uint32_t>(when) + 1) | (most > kMostRestartTimes ? kMostRestartTimes : most)
                                                   << 8;
}

struct AfterExitEntry {
    AfterExitKind kind;
    uint32_t path;  // offset
};

struct Port {
    int32_t listener_slot;
    uint32_t ipv4;  // network byte order
    uint16_t port;  // host byte order
    uint16_t udp;   // 1: datagrams
};

// Answers for names: sockets inside the container, and who is asked for what it does not know.
struct NameServer {
    uint8_t address[16];  // IPv4: the first four
    uint16_t family;      // AF_INET, AF_INET6
    uint16_t reserved;
};
struct Resolver {
    int32_t udp_slot, tcp_slot;  // kNoSlot: there is none
    uint32_t server_count;
    NameServer servers[kMaxNameServers];
};

// A container that another OCI runtime makes: what the plan executes is that one's `create`. Its
// commands are lists of words, the program first.
struct OtherRuntime {
    uint32_t pid_file;            // where `create` leaves the first process's number; 0: none of it
    uint32_t start, start_words;  // lets the program run
    uint32_t kill, kill_words;    // sends a signal, whose number is one word more
    uint32_t remove, remove_words;   // forgets the container, whatever its state
    int32_t console_slot = kNoSlot;  // a listener that the terminal's master comes over
};
inline constexpr uint32_t kMaxOtherWords = 48;

enum class Role : uint32_t { monitor, join };

inline constexpr uint32_t kFlagEndWithCaller = 1;  // kill the worker when the control socket closes
inline constexpr uint32_t kFlagTimings = 2;
inline constexpr uint32_t kFlagTerminal = 4;
// The shim ends as soon as it is released: the container's first process, or the one that joined,
// then belongs to the caller's subreaper.
inline constexpr uint32_t kFlagHandOver = 8;

struct Header {
    uint32_t magic;
    uint32_t size;  // of the whole mapping
    Role role;
    uint32_t flags;
    uint64_t clone_flags;
    int32_t cgroup_slot;     // v2: CLONE_INTO_CGROUP
    int32_t forward_stdout;  // slots, or kNoSlot
    int32_t forward_stderr;
    int32_t stdin_slot, stdout_slot, stderr_slot;  // join only
    // Slots below this are closed once the child has them. What lies in higher ones the monitor
    // holds until it ends.
    uint32_t slot_count;
    uint32_t before_clone;  // ops performed by the shim itself (join), the first ones of the list
    // Ops behind these are performed by a process between the shim and the child, which ends with
    // the child's clone: what makes the child's world but must not become the shim's.
    uint32_t between;
    uint32_t op_count;
    uint32_t ops;        // offset of the first Op
    uint32_t state_dir;  // offset of the path; 0: nothing is recorded
    uint32_t log_path;   // offset; 0: no log
    uint32_t log_max_files;
    uint64_t log_max_bytes;
    // What is asked of the cgroup when all has ended: a list with three strings each, the fact's
    // name, a file, and the first word of the line that has it (empty: the file is the number).
    uint32_t fact_count;
    uint32_t facts;
    uint32_t cgroup;  // offset of the group's path as the kernel's log names it; 0: none
    uint32_t after_exit_count;
    AfterExitEntry after_exit[kMaxAfterExit];
    uint32_t port_count;
    Port ports[kMaxPorts];
    Resolver resolver;
    uint32_t monitor_cgroup_count;  // v1 `tasks` files the monitor itself joins after the start
    uint32_t monitor_cgroups;       // offset of the list
    // What follows the end: `restart_command`, a list of `restart_words`, after `restart_delay_ms`.
    Restart restart;
    uint32_t restart_most;      // on_failure: so many times; 0: any number
    uint32_t restart_count;     // those before this start
    uint32_t restart_delay_ms;  // the last one's; 0: there was none
    uint32_t restart_words;
    uint32_t restart_command;  // the delay that it waited for is given to it as its last word
    OtherRuntime other;
    // The health check: `health_command`, a list of `health_words` (0: there is none), is executed
    // every so often, and killed where it has not ended by the deadline.
    uint32_t health_words;
    uint32_t health_command;
    uint32_t health_interval_ms;
    uint32_t health_start_interval_ms;  // in the first health_start_period_ms, while it is starting
    uint32_t health_start_period_ms;
    uint32_t health_deadline_ms;
    Shared shared;
};

// Over the control socket (SOCK_SEQPACKET), one message a packet.
enum class Message : uint32_t {
    // From the shim.
    started,   // a: pid
    failed,    // a: index of the op, b: errno; from kOwnStep on: a step of the shim itself
    exited,    // a: exit code, b: signal | oom << 32, c: CLOCK_REALTIME nanoseconds
    terminal,  // with a descriptor
    reached,   // a: index of a sync or await_start op, b: pid
    // To the shim.
    signal,   // a: number
    release,  // what was started is recorded: leave it alone
};

// A Report is what the child writes: an error, or with error_number 0 that the op is reached.
struct Report {
    uint32_t op;
    int32_t error_number;
};

struct Packet {
    Message message;
    uint32_t reserved = 0;
    uint64_t a = 0, b = 0, c = 0;
};

// Steps of the shim itself, for `failed`: a = kOwnStep + one of these.
inline constexpr uint64_t kOwnStep = 0x1'0000;
enum class OwnStep : uint32_t {
    read_plan,
    make_pipes,
    clone,
    wait_child,
    child_died,
    // Another runtime's; for the first two b is its exit status, or 128 + signal.
    other_create,
    other_start,
    other_process,  // it named none, or none that lives
    other_terminal,
};
constexpr uint64_t own_step(OwnStep step) { return kOwnStep + static_cast<uint64_t>(step); }

}  // namespace crank::shim
