// The record of a container: container.json in its directory, written before it starts, and anew by
// each later start, which gets other ports and addresses. What changes while it runs (state, exit)
// the monitor writes elsewhere.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/health_check.h"
#include "engine/ids/lease.h"
#include "engine/restart_policy.h"
#include "engine/secret_file.h"
#include "engine/settings.h"
#include "network/network.h"
#include "runtime/plan.h"

namespace crank::engine {

enum class Kind : std::uint8_t { container, native };

struct PublishedPort {
    std::string host_ip;
    std::uint16_t host_port = 0;
    std::uint16_t container_port = 0;
    std::string protocol = "tcp";
    // Where a native worker listens on this machine for it; 0: there.
    std::uint16_t worker_port = 0;
    bool operator==(const PublishedPort&) const = default;
};

struct MountRecord {
    std::string type;  // "bind", "tmpfs", "volume"
    std::string source, destination;
    bool read_only = false;
    bool own_ids = false;     // of a user namespace: as the host has them (noidmap)
    std::string volume = {};  // its name
    bool anonymous = false;   // the volume was made for this container
    bool operator==(const MountRecord&) const = default;
};

struct NetworkRecord {
    std::string mode;  // "bridge", "none", "host"
    // With a bridge.
    std::string address, gateway, mac, host_device, lease_path;
    int prefix = 0;
    bool operator==(const NetworkRecord&) const = default;
};

// A network that the container is on, or comes to at its next start.
struct EndpointRecord {
    std::string network, network_id;  // of the default one "bridge" and nothing
    std::vector<std::string> aliases = {};
    std::string wanted_ip = {}, wanted_ip6 = {};
    // Of its last start.
    std::string address = {}, gateway = {}, mac = {}, host_device = {}, lease_path = {};
    int prefix = 0;
    std::string address6 = {}, gateway6 = {}, lease6_path = {};
    int prefix6 = 0;
    std::string device = {};  // in the container
    bool leads_out = false;   // its default routes go through this one
    bool operator==(const EndpointRecord&) const = default;
};

inline constexpr std::size_t kMostServedPorts = 64;

struct Record {
    std::string id, name;
    Kind kind = Kind::container;
    std::int64_t created_ns = 0;          // CLOCK_REALTIME
    std::string image;                    // as a person would write it
    std::string image_id;                 // "sha256:..."; empty: native
    std::vector<std::string> args;        // what runs, program first
    std::vector<std::string> entrypoint;  // of them, those of the entrypoint
    std::string hostname, user, working_dir;
    std::vector<std::string> env;
    std::map<std::string, std::string> labels;
    std::vector<PublishedPort> ports;
    // Of its project's gateway, not of its monitor: they are there whether it runs or not.
    std::vector<PublishedPort> gateway_ports;
    // TCP ports on which it says that it takes connections, published or not. None where it names
    // more than kMostServedPorts: then it says nothing.
    std::vector<std::uint16_t> served_ports = {};
    std::vector<MountRecord> mounts;
    std::vector<SecretFile> secrets =
        {};  // with their owners; a container's `mounts` has them, too
    std::vector<ConfigLink> config_links = {};
    // The mode is the first network's name; the rest is of that one, too.
    NetworkRecord network;
    // Empty: the default one alone, or none.
    std::vector<EndpointRecord> networks;
    bool terminal = false, interactive = false, remove = false, init = true, read_only = false;
    std::string stop_signal;                                                // "SIGTERM"
    int stop_timeout = 0;                                                   // seconds; -1: for ever
    std::int64_t nano_cpus = 0, memory = 0, memory_swap = 0, shm_size = 0;  // 0: not limited
    std::int64_t pids_limit = 0;
    std::string cgroups_path;  // empty: none
    // "default" or "strict"; with the latter what Landlock leaves open, and its version.
    std::string sandbox = "default";
    std::vector<std::string> writable;
    std::vector<std::uint16_t> bind_ports;
    int landlock = 0;
    std::optional<ids::Lease> ids;  // with a user namespace
    Settings settings;
    std::vector<std::string> warnings;
    std::string spec;  // the OCI runtime configuration: a JSON document, or empty
    // For a later start. Ports as they were asked for: without a number each start takes a free
    // one.
    std::vector<network::PortSpec> wanted_ports;
    // --gpus and --device as typed, found anew by each start, and the configuration without them.
    std::string gpus, spec_without_devices;
    std::vector<std::string> devices;
    RestartPolicy restart;
    int restart_count = 0;  // since a command last started it
    std::optional<HealthCheck> health;
    int unhealthy_restarts = 0;  // in a row (health_state.h, decide)

    bool operator==(const Record&) const = default;
};

// Those that lead to it, whoever holds them.
std::vector<PublishedPort> published_ports(const Record& record);

// Where those who lead to it find it: 127.0.0.1 is a native worker's. Empty: it has no address.
std::string own_address(const Record& record);
std::uint16_t own_port(const PublishedPort& port);

// Its name, or where it has none the beginning of its id.
std::string shown_name(const Record& record);

// For the runtime; nothing where the sandbox is not strict.
std::optional<runtime::Confinement> confinement_of(const Record& record);

std::string serialize(const Record& record);
// Errors: corrupt.
Result<Record> parse_record(std::string_view json);

}  // namespace crank::engine
