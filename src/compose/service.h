// A project as types: what starts it reads these, and not the nodes.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compose/load.h"
#include "compose/worker.h"

namespace crank::compose {

struct Dependency {
    enum class Condition : std::uint8_t { started, healthy, completed };
    std::string service;
    Condition condition = Condition::started;
    bool required = true;
    bool restart = false;
    bool operator==(const Dependency&) const = default;
};

struct Port {
    std::string host_ip;    // empty: the usual one
    std::string published;  // "8080", "8080-8090"; empty: any that is free
    std::int64_t target = 0;
    std::string protocol;      // "tcp"
    std::string app_protocol;  // "http"; empty: nobody has said
    bool own = false;          // mode: host, without a gateway
    Position at;
};

struct Mount {
    enum class Type : std::uint8_t { bind, volume, tmpfs };
    Type type = Type::volume;
    std::string source;  // a path; the key of a volume, empty: one of the container's own
    std::string target;
    bool read_only = false;
    bool create_source = true;  // of a bind
    bool recursive = true;      // of a bind
    bool copy = true;           // of a volume
    std::map<std::string, std::string> labels;
    std::optional<std::int64_t> size, mode;  // of a tmpfs: bytes, and of its root
    Position at;
};

struct ServiceNetwork {
    std::string key;
    std::vector<std::string> aliases;
    std::string ipv4, ipv6;
    Position at;
};

// A secret or config that a service has.
struct FileUse {
    enum class Kind : std::uint8_t { secret, config };
    Kind kind = Kind::secret;
    std::string key;
    std::string target;    // absolute
    std::string uid, gid;  // empty: root
    std::optional<std::int64_t> mode;
    Position at;
};

struct Ulimit {
    std::string name;
    std::int64_t soft = 0, hard = 0;
};

struct Build {
    std::string context, dockerfile, target, network;
    std::optional<std::string> dockerfile_inline;
    std::map<std::string, std::string> args, labels, contexts;
    std::vector<std::string> tags;
    std::vector<std::pair<std::string, std::string>> ssh;         // id, path
    std::vector<std::pair<std::string, std::string>> secret_ids;  // id, key of the secret
    std::vector<std::pair<std::string, std::string>> hosts;       // as `extra_hosts` of a service
    std::vector<Ulimit> ulimits;
    std::optional<std::int64_t> shm_size;  // bytes
    std::vector<std::string> no_cache_stages;
    bool no_cache = false, pull = false;
    Position at;
};

struct Health {
    std::vector<std::string> test;  // empty: the image's
    std::chrono::nanoseconds interval{0}, timeout{0}, start_period{0}, start_interval{0};
    std::int64_t retries = 0;
    bool disabled = false;
};

// A command in the container, after its start or before its stop.
struct Hook {
    std::vector<std::string> command;
    std::string user, working_dir;  // empty: the container's
    std::vector<std::pair<std::string, std::optional<std::string>>> environment;
    Position at;
};

// Of develop.watch: what becomes of a service that runs when something below the path changes.
struct WatchRule {
    enum class Action : std::uint8_t { rebuild, sync, restart, sync_restart, sync_exec };
    Action action = Action::rebuild;
    std::string path;                          // of this machine, absolute
    std::string target;                        // in the container, of what is copied
    std::vector<std::string> include, ignore;  // as in .dockerignore, below the path
    Hook exec;                                 // of sync_exec
    bool initial_sync = false;                 // all of it is copied when watching begins
    Position at;
};

struct GpuRequest {
    std::int64_t count = 0;  // -1: all
    std::string driver;
    std::vector<std::string> ids, capabilities;
};

struct Limits {
    std::optional<std::int64_t> nano_cpus;  // billionths of a CPU
    std::optional<std::int64_t> memory, memory_reservation, memory_swap, pids, shm_size, cpu_shares;
    std::string cpuset;
};

struct PreStart;

struct Service {
    std::string name;
    Position at;
    std::string image;  // as it is to be called; of one that is built PROJECT-SERVICE
    std::optional<Build> build;
    std::string pull_policy, container_name;
    std::optional<std::vector<std::string>> command, entrypoint;
    std::vector<std::pair<std::string, std::optional<std::string>>> environment;
    std::map<std::string, std::string> labels, annotations, sysctls;
    std::string user, working_dir, hostname, domainname, runtime;
    std::string network_mode, pid, ipc, uts, userns_mode;
    std::vector<ServiceNetwork> networks;  // by priority
    std::vector<Port> ports;
    std::vector<std::string> expose;
    std::vector<Mount> mounts;
    std::vector<std::string> tmpfs, volumes_from;
    std::vector<FileUse> files;
    std::vector<Dependency> depends_on;
    std::vector<Hook> post_start, pre_stop;
    std::vector<PreStart> pre_start;
    std::vector<WatchRule> watch;
    std::optional<Health> health;
    std::string restart;
    Limits limits;
    std::vector<GpuRequest> gpus;
    std::vector<std::string> devices, device_rules, cap_add, cap_drop, security_opt, group_add;
    std::vector<Ulimit> ulimits;
    std::optional<std::int64_t> oom_score_adj;
    std::vector<std::pair<std::string, std::string>> hosts;  // name, address
    std::vector<std::string> dns, dns_search, dns_options;
    std::string log_driver;
    std::map<std::string, std::string> log_options;
    std::string stop_signal;
    std::optional<std::chrono::nanoseconds> stop_grace;
    std::optional<bool> init;
    bool privileged = false, read_only = false, terminal = false, interactive = false;
    bool attach = true;
    std::int64_t replicas = 1;
    // Of a change and of the way back.
    struct Change {
        std::optional<bool> start_first;    // nothing: nobody has said
        std::chrono::nanoseconds delay{0};  // from one batch to the next
        std::int64_t parallelism = 1;       // containers of a batch; 0: all
        // Which share of those that are replaced may fail, from 0 to 1, and for how long one that
        // has taken its place may.
        double max_failure_ratio = 0;
        std::chrono::nanoseconds monitor{0};
        // Where more fail. back: what was replaced goes back to the release before.
        enum class OnFailure : std::uint8_t { unsaid, pause, go_on, back };
        OnFailure on_failure = OnFailure::unsaid;
    };
    Change update, rollback;
    // An address of its own: where the host forwards, always (endpoint_mode: vip), or never
    // (dnsrr): its name means containers then.
    enum class Address : std::uint8_t { possible, always, never } address = Address::possible;
    WorkerOptions worker;
    Placement placement;
    // Of x-crank.native, where it runs natively: what it is then.
    const NativeOptions* native() const {
        return placement.native && worker.native ? &*worker.native : nullptr;
    }
};

// A step before the start of a service's containers: a container of its own, which ends.
struct PreStart {
    // With what it has of its service's: its name, what the file does not say otherwise, its
    // mounts.
    Service container;
    bool per_replica = false;  // before each container of the service; false: once for all
};

struct Network {
    std::string key, name, driver;
    Position at;
    bool external = false, internal = false, ipv6 = false;
    std::vector<std::string> subnets, gateways, ranges;
    std::map<std::string, std::string> options, labels;
};

struct Volume {
    std::string key, name;
    Position at;
    bool external = false;
    std::map<std::string, std::string> options;  // as of `crank volume create -o`
    std::map<std::string, std::string> labels;
};

// A secret or config.
struct FileSource {
    std::string key;
    Position at;
    bool external = false;
    std::string file;                    // absolute
    std::optional<std::string> content;  // also what an environment variable holds
};

struct TypedProject {
    std::string name, directory;
    std::vector<Service> services;  // each behind those it depends on
    std::vector<Network> networks;
    std::vector<Volume> volumes;
    std::vector<FileSource> secrets, configs;
    std::vector<std::string> other_services;  // of profiles that are not in force

    const Service* find(std::string_view service) const;
};

// Warns of every field that is set and that starts of projects do nothing with. Errors, with the
// place: what crank cannot do at all where leaving it out would mean something else.
// Services are placed by what this machine is.
Result<TypedProject> typed(const Project& project, Diagnostics& diagnostics,
                           const Surroundings& here = {});

// What a container is made from, without what may change and leave it as it is (how many there are,
// what it waits for, how its image is got): JSON, the same for the same meaning.
std::string identity(const Project& project, const TypedProject& types, const Service& service);

}  // namespace crank::compose
