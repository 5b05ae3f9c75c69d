// The Container Device Interface (github.com/cncf-tags/container-device-interface, SPEC.md,
// versions 0.3.0 to 1.1.0): files in which a vendor says what a container needs to use its devices.
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"

namespace crank::oci::cdi {

struct DeviceNode {
    std::string path;       // in the container
    std::string host_path;  // empty: the same
    std::string type;       // "b", "c", "u", "p"; empty: as on the host
    std::optional<std::int64_t> major, minor;
    std::optional<std::uint32_t> file_mode, uid, gid;
    std::string permissions;  // of "rwm"; empty: all of them; "none"
    const std::string& on_host() const { return host_path.empty() ? path : host_path; }
};

struct Mount {
    std::string host_path, container_path, type;
    std::vector<std::string> options;
};

enum class HookPoint : std::uint8_t {
    prestart,
    create_runtime,
    create_container,
    start_container,
    poststart,
    poststop,
};
struct Hook {
    HookPoint point = HookPoint::create_container;
    oci::Hook hook;
};

struct IntelRdt {
    std::string clos_id, l3_cache_schema, memory_bandwidth_schema;
    std::vector<std::string> schemata;
    bool enable_monitoring = false;
};

struct NetDevice {
    std::string host_name, name;
};

struct Edits {
    std::vector<std::string> env;
    std::vector<DeviceNode> device_nodes;
    std::vector<Mount> mounts;
    std::vector<Hook> hooks;
    std::vector<std::uint32_t> additional_gids;
    std::optional<IntelRdt> intel_rdt;
    std::vector<NetDevice> net_devices;
    // Not of the file: what crank does itself in the place of a program (take_known_hooks), and
    // what its own look at a driver found. Directories in the container that the dynamic linker
    // looks in, and symbolic links.
    std::vector<std::string> library_dirs;
    std::vector<oci::Link> links;

    bool empty() const;
    void append(const Edits& more);
};

struct Device {
    std::string name;
    std::map<std::string, std::string> annotations;
    Edits edits;
};

struct Spec {
    std::string version;
    std::string kind;  // "nvidia.com/gpu"
    std::map<std::string, std::string> annotations;
    std::vector<Device> devices;
    Edits edits;       // with any of its devices
    std::string path;  // of the file; empty: crank made it
    int priority = 0;  // of its directory: the higher one counts
};

inline constexpr std::string_view kNewestVersion = "1.1.0";

// One file, JSON or YAML. Errors: invalid_argument naming the file and the field, with what to do.
Result<Spec> parse(std::string_view text, const std::string& path);

// "vendor.com/class=name", taken apart; nothing: it is none.
struct Name {
    std::string kind, device;
    std::string text() const { return kind + "=" + device; }
};
std::optional<Name> parse_name(std::string_view text);
// As parse_name; the error says what a name looks like.
Result<Name> require_name(std::string_view text);

// A file that could not be read, which matters once a device is not found.
struct Broken {
    std::string path;
    std::string why;
};

struct Found {
    const Spec* spec = nullptr;
    const Device* device = nullptr;
};

// The devices of all files: the one in the directory of the highest priority counts, and one that
// two files of a directory define is nobody's.
class Registry {
public:
    void add(Spec spec) { specs_.push_back(std::move(spec)); }
    void add_broken(Broken broken) { broken_.push_back(std::move(broken)); }

    // Errors: not_found, naming what there is; failed_precondition for a conflict, naming both
    // files.
    Result<Found> find(const Name& name) const;
    // Any device of the kind, in the order of the files.
    std::vector<std::string> devices_of(std::string_view kind) const;
    bool has_kind(std::string_view kind) const { return !devices_of(kind).empty(); }
    // The edits of the devices, each file's common ones once, before those of its devices.
    Result<Edits> edits_of(const std::vector<Name>& names) const;

    const std::vector<Spec>& specs() const { return specs_; }
    const std::vector<Broken>& broken() const { return broken_; }

private:
    std::vector<Spec> specs_;
    std::vector<Broken> broken_;
};

// What nvidia-cdi-hook and nvidia-ctk would do inside the container's files with the rights of the
// host's root, as data: links and directories of libraries. Other hooks stay.
void take_known_hooks(Edits& edits);

// A device of the host, where a node does not say all of itself.
struct NodeFacts {
    std::string type;
    std::int64_t major = 0, minor = 0;
    std::uint32_t file_mode = 0666;
};

// Into the configuration. Every device node must say its type and numbers by then (complete()).
// Mounts keep what stands on another destination and go behind it, parents first. Errors:
// unsupported for what crank does not do (netDevices, intelRdt), naming the field.
Result<> apply(const Edits& edits, RuntimeSpec& spec);

// Fills in what the node leaves out; invalid_argument where the host's is of another type.
Result<> complete(DeviceNode& node, const NodeFacts& facts);
bool is_complete(const DeviceNode& node);

}  // namespace crank::oci::cdi
