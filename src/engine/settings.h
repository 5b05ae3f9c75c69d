// What a person asks for beyond the usual: the greater part of what Docker calls a container's
// HostConfig. The same in RunOptions, where it is asked for, and in Record, for later starts and
// for `inspect`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"

namespace crank::engine {

struct Ulimit {
    std::string name;                 // "nofile"
    std::int64_t soft = 0, hard = 0;  // -1: unlimited
    bool operator==(const Ulimit&) const = default;
};

// A line of /etc/hosts.
struct ExtraHost {
    std::string name, address;  // kHostGateway stands for the machine as the container reaches it
    bool operator==(const ExtraHost&) const = default;
};
inline constexpr std::string_view kHostGateway = "host-gateway";

inline constexpr std::string_view kUnconfined = "unconfined";

struct Settings {
    // Rights.
    std::vector<std::string> cap_add, cap_drop;  // as typed, checked
    bool privileged = false;
    std::vector<std::string> security_opt;  // as typed
    std::string seccomp;                    // kUnconfined, or a profile's JSON; empty: the default
    std::optional<bool> no_new_privileges;  // nothing: yes, unless privileged
    std::vector<std::string> device_rules;  // --device-cgroup-rule as typed, checked
    bool bare_paths = false;                // systempaths=unconfined: nothing is masked
    std::vector<std::string> group_add;     // names or numbers
    std::optional<int> oom_score_adj;
    std::vector<Ulimit> ulimits;  // each name once
    std::map<std::string, std::string> sysctls;
    // Namespaces.
    std::string pid;  // "host", "container:NAME"; empty: its own
    std::string ipc;  // "host", "container:NAME", "none": its own, no /dev/shm; empty: its own
    std::string uts;  // "host"; empty: its own
    std::string network_of;                  // whose network it has, with NetworkMode::container
    std::string ip;                          // its address on the bridge; empty: any
    std::vector<std::string> pasta_options;  // checked, with NetworkMode::pasta
    // Names.
    std::vector<ExtraHost> hosts;
    std::vector<std::string> dns, dns_search, dns_options;
    std::string domainname;
    // Limits.
    std::optional<std::int64_t> memory_swap;         // bytes, memory and swap; -1: any
    std::optional<std::int64_t> memory_reservation;  // bytes
    std::optional<std::int64_t> cpu_shares;
    std::string cpuset_cpus, cpuset_mems;
    std::optional<std::uint32_t> umask;          // of its processes
    std::string cgroupns;                        // "host"; empty: its own
    bool no_hosts = false, no_hostname = false;  // the image's files stay
    // What keeps its output: as typed, and all the same but for kNoLog, which keeps none.
    std::string log_driver;
    // The log's files: bytes of one, and how many; 0: the usual.
    std::int64_t log_max_size = 0;
    int log_max_files = 0;
    std::map<std::string, std::string> annotations;
    std::vector<std::string> expose;  // "8501/tcp", as an image has them; checked
    bool publish_all = false;
    bool no_healthcheck = false;
    // Which OCI runtime makes it, as typed, and that one's command; empty: crank itself.
    std::string runtime;
    std::vector<std::string> runtime_command;

    bool operator==(const Settings&) const = default;
};

inline constexpr std::string_view kNoLog = "none";

// Whether no filter of system calls is loaded.
bool is_unfiltered(const Settings& settings);

// The texts of flags. Errors: invalid_argument naming the flag, the text and what is wrong with it;
// unsupported for what Docker has and crank has not.

// NAME=SOFT[:HARD]
Result<Ulimit> parse_ulimit(std::string_view text);
// NAME:IP or NAME=IP; for IP also host-gateway.
Result<ExtraHost> parse_extra_host(std::string_view text);
// NAME=VALUE; `flag` is for the error.
Result<std::pair<std::string, std::string>> parse_assignment(std::string_view flag,
                                                             std::string_view text);
Result<std::string> parse_dns(std::string_view text);  // an IP address
// max-size=SIZE, max-file=NUMBER
Result<> apply_log_option(Settings& settings, std::string_view text);
// One --security-opt but for a profile's file, whose path is returned: the caller reads it.
Result<std::optional<std::string>> apply_security_option(Settings& settings, std::string_view text);
// --pid, --ipc, --uts: what the fields above hold.
Result<std::string> parse_pid(std::string_view text);
Result<std::string> parse_ipc(std::string_view text);
Result<std::string> parse_uts(std::string_view text);
// "TYPE MAJOR:MINOR ACCESS": "c 7:* rmw".
Result<oci::DeviceRule> parse_device_rule(std::string_view text);
// "host", or nothing for "private".
Result<std::string> parse_cgroupns(std::string_view text);
// An octal number to 0777.
Result<std::uint32_t> parse_umask(std::string_view text);
// Names of what engines call the log that crank keeps, and kNoLog.
Result<std::string> parse_log_driver(std::string_view text);
// PORT[-PORT][/tcp|udp], in the form of an image's.
Result<std::string> parse_expose(std::string_view text);
// "0-3,7"; `flag` is for the error.
Result<std::string> parse_cpu_set(std::string_view flag, std::string_view text);

}  // namespace crank::engine
