// What a person asked for: the command line of `run`, read and checked, without facts of the host.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/health_check.h"
#include "engine/ids/range.h"
#include "engine/restart_policy.h"
#include "engine/secret_file.h"
#include "engine/settings.h"
#include "network/network.h"

namespace crank::engine {

enum class NetworkMode : std::uint8_t { bridge, none, host, container, pasta };
// Whether the container's is its own, and nobody else's.
inline bool has_own_network(NetworkMode mode) {
    return mode == NetworkMode::bridge || mode == NetworkMode::none || mode == NetworkMode::pasta;
}
enum class Limits : std::uint8_t {
    strict,       // what the host cannot apply is an error
    best_effort,  // and here a warning that `inspect` keeps
};

enum class Sandbox : std::uint8_t {
    usual,   // "default": Docker's
    strict,  // no capabilities, read-only root, strict filter, Landlock
};

// A volume that a container has.
struct VolumeUse {
    std::string name = {};   // empty: one of its own, which gets a name that nobody chose
    bool copy = true;        // what the image has there goes into an empty one
    bool anonymous = false;  // it was made for this container
    std::map<std::string, std::string> labels = {};  // of one that is made
    bool operator==(const VolumeUse&) const = default;
};

struct BindMount {
    std::string source;       // absolute; of a volume empty until the start has made it
    std::string destination;  // absolute, in the container
    bool read_only = false;
    // In a user namespace: the files belong to whom they belong to on the host, by its numbers.
    bool map_ids = true;
    bool recursive = true;                 // with what is mounted below the source
    std::vector<std::string> flags = {};   // "noexec", "nosuid", "nodev"
    std::optional<VolumeUse> volume = {};  // nothing: a directory or file of the host
    bool operator==(const BindMount&) const = default;
};

struct VolumesFrom {
    std::string container;  // as typed
    bool read_only = false;
    bool operator==(const VolumesFrom&) const = default;
};

struct TmpfsMount {
    std::string destination;
    std::vector<std::string> options;  // "size=64m", "mode=1777", "exec"
    bool operator==(const TmpfsMount&) const = default;
};

// A network that the container is to be on.
struct NetworkUse {
    std::string name;
    std::vector<std::string> aliases = {};  // beside its own name, on this network
    std::string ip = {}, ip6 = {};          // empty: any
    bool operator==(const NetworkUse&) const = default;
};

struct RunOptions {
    std::string image;                 // as typed; empty for a native worker
    std::vector<std::string> command;  // behind IMAGE
    // --entrypoint: present and empty clears the image's.
    std::optional<std::string> entrypoint;
    std::vector<std::string> entrypoint_args;  // of one that is several words
    std::string name;                          // empty: one is made up
    std::string hostname;                      // empty: the id's first 12 digits
    std::string user, working_dir;
    std::vector<std::string> env;  // "NAME=value"; "NAME" alone removes it
    bool bare_env = false;         // nothing of crank's and of the image's
    std::map<std::string, std::string> labels;
    std::vector<network::PortSpec> ports;
    // Held by the gateway of its project, which leads to them.
    std::vector<network::PortSpec> gateway_ports;
    // Of a native worker: where it listens for each of these, by its container_port.
    std::map<std::uint16_t, std::uint16_t> worker_ports;
    NetworkMode network = NetworkMode::bridge;
    std::vector<NetworkUse> networks;  // with the mode bridge; empty: the default one alone
    std::vector<BindMount> binds;
    std::vector<TmpfsMount> tmpfs;
    std::vector<SecretFile> secrets;
    std::vector<ConfigLink> config_links;  // of a native worker
    std::vector<VolumesFrom> volumes_from;
    std::optional<std::int64_t> nano_cpus;   // billionths of a CPU
    std::optional<std::int64_t> memory;      // bytes
    std::optional<std::int64_t> pids_limit;  // -1: none
    std::optional<std::int64_t> shm_size;    // bytes
    Limits limits = Limits::strict;
    std::string gpus;                  // "all", "1", ... as typed; empty: none
    std::vector<std::string> devices;  // --device as typed
    bool detach = false, interactive = false, terminal = false;
    bool remove = false;  // --rm
    bool init = true;
    bool read_only = false;
    Sandbox sandbox = Sandbox::usual;
    std::optional<ids::Wanted> userns;  // nothing: as the sandbox has it
    std::optional<std::string> stop_signal;
    std::optional<int> stop_timeout;  // seconds; -1: for ever
    Settings settings;
    RestartPolicy restart;
    HealthCheck health;  // what is asked for; Settings::no_healthcheck: none
};

// Whether the container gets ids of its own.
bool wants_own_ids(const RunOptions& options);

inline constexpr int kDefaultStopTimeout = 10;  // seconds, Docker's
inline constexpr std::int64_t kDefaultPidsLimit = 2048;
// Docker's least: below it not even the runtime's own work fits.
inline constexpr std::int64_t kMinMemory = std::int64_t{6} << 20;

// The texts of flags. Errors: invalid_argument naming the text and what is wrong with it.

// HOST:CONTAINER[:ro|rw,...], NAME:CONTAINER, CONTAINER; a relative HOST ("./x") is taken from
// `current_dir`. unsupported for options that crank does not have.
Result<BindMount> parse_volume(std::string_view text, std::string_view current_dir);
// DESTINATION[:OPTION,...]
Result<TmpfsMount> parse_tmpfs(std::string_view text);
// One of the two.
struct MountOf {
    std::optional<BindMount> bind;
    std::optional<TmpfsMount> tmpfs;
};
// --mount type=bind|volume|tmpfs,KEY=VALUE,...
Result<MountOf> parse_mount(std::string_view text, std::string_view current_dir);
// Without "." and "..", repeated and trailing slashes; `path` is absolute.
std::string clean_path(std::string_view path);
// CONTAINER[:ro|rw]
Result<VolumesFrom> parse_volumes_from(std::string_view text);
// "container:NAME" and "pasta:OPTIONS": what stands behind the colon the caller keeps in Settings.
Result<NetworkMode> parse_network(std::string_view text);
// NAME, or name=NAME,alias=ALIAS,ip=ADDRESS,ip6=ADDRESS
Result<NetworkUse> parse_network_use(std::string_view text);
// --network, each time it is given; --network-alias, --ip and --ip6 are of the first.
struct NetworkFlags {
    std::vector<std::string> networks = {}, aliases = {};
    std::string ip = {}, ip6 = {};
};
// What becomes of `network`, `networks`, `settings.network_of`, `.pasta_options` and `.ip`.
Result<> apply_network_flags(const NetworkFlags& flags, RunOptions& options);
// Whether it is one of the networks that are always there: bridge (or default), host, none, pasta.
bool is_predefined_network(std::string_view name);
// Errors: invalid_argument: it is no name that can be looked up.
Result<> check_alias(std::string_view alias);
std::string_view network_name(NetworkMode mode);
Result<Sandbox> parse_sandbox(std::string_view text);
std::string_view sandbox_name(Sandbox sandbox);
// NAME=value, or NAME with the value in `environment` ("NAME=value" each), or "NAME" alone where
// it has none.
Result<std::string> parse_env(std::string_view text, const std::vector<std::string>& environment);
// The same, or with an asterisk at the end of NAME every variable of `environment` that begins so.
Result<std::vector<std::string>> parse_env_words(std::string_view text,
                                                 const std::vector<std::string>& environment);
// key=value or key; with an empty key an error.
Result<std::pair<std::string, std::string>> parse_label(std::string_view text);
// [a-zA-Z0-9][a-zA-Z0-9_.-]+, as Docker's.
Result<> check_name(std::string_view name);
// RFC 1123: letters, digits, dashes, dots, at most 63 characters a label and 64 in all
// (sethostname).
Result<> check_hostname(std::string_view name);

}  // namespace crank::engine
