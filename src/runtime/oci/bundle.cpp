#include "runtime/oci/bundle.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "runtime/builder.h"
#include "runtime/hand_over.h"
#include "runtime/oci/net_devices.h"
#include "sys/file.h"

namespace crank::runtime::oci_verbs {
namespace {

// Go's zero values: callers write 0 where they mean nothing.
template <class T>
void drop_zero(std::optional<T>& value) {
    if (value && *value == 0) value.reset();
}

Result<> place_root(oci::RuntimeSpec& spec, const std::string& bundle) {
    if (spec.root_path.empty())
        return fail(Code::invalid_argument, "runtime configuration: 'root.path' is missing");
    std::string path =
        spec.root_path.starts_with('/') ? spec.root_path : bundle + "/" + spec.root_path;
    auto real = sys::real_path(path);
    if (!real)
        return fail(std::move(real).error().with_context("runtime configuration: 'root.path'"));
    auto info = TRY(sys::stat(*real));
    if (!info.is_dir())
        return fail(Code::invalid_argument,
                    "runtime configuration: 'root.path': " + *real + " is not a directory");
    if (*real == "/")
        return fail(Code::invalid_argument,
                    "runtime configuration: 'root.path' is the host's own root");
    spec.root_path = *real;
    return {};
}

Result<> place_cgroup(oci::RuntimeSpec& spec, const std::string& id, const HostFacts& facts) {
    std::string& path = spec.linux.cgroups_path;
    if (facts.cgroup_mode == CgroupMode::none) {
        path.clear();
        return {};
    }
    if (path.empty()) path = "/crank-oci/" + id;
    if (path.find(':') != std::string::npos && !path.starts_with('/'))
        return fail(Error(Code::invalid_argument,
                          "linux.cgroupsPath '" + path +
                              "' names a scope of systemd's, and --systemd-cgroup is not given")
                        .with_hint("crank oci --systemd-cgroup, or the cgroupfs driver: podman "
                                   "--cgroup-manager=cgroupfs, dockerd --exec-opt "
                                   "native.cgroupdriver=cgroupfs"));
    if (!path.starts_with('/')) path = "/" + path;
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return check_cgroups_path(path);
}

Result<> place_scope(Bundle& bundle, const std::string& id, const HostFacts& facts) {
    // On v1 systemd writes to the devices group when it is told to read its configuration again:
    // what the container may open would be lost.
    if (facts.cgroup_mode != CgroupMode::v2)
        return fail(
            Error(Code::unsupported, "--systemd-cgroup needs cgroup version 2, root, and systemd")
                .with_hint("use the cgroupfs driver: podman --cgroup-manager=cgroupfs, "
                           "dockerd --exec-opt native.cgroupdriver=cgroupfs"));
    bundle.scope = TRY(parse_scope(bundle.spec.linux.cgroups_path, id));
    bundle.spec.linux.cgroups_path = bundle.scope->cgroups_path;
    return {};
}

// config-linux.md, "Default Devices": /dev/ptmx leads to the container's own devpts. Callers that
// list all of /dev list it too.
void drop_ptmx(std::vector<oci::Device>& devices) {
    constexpr std::int64_t kMajor = 5, kMinor = 2;
    std::erase_if(devices, [](const oci::Device& device) {
        return device.path == "/dev/ptmx" && device.type == "c" && device.major == kMajor &&
               device.minor == kMinor;
    });
}

// sched(7), "Real-time group scheduling": a new group of v1 has no share, and the kernel then
// refuses the policy that the configuration asks for.
void give_realtime_share(oci::RuntimeSpec& spec, const HostFacts& facts) {
    constexpr std::int64_t kShare = 50'000;  // microseconds of the kernel's second
    const auto& scheduler = spec.process.scheduler;
    auto& share = spec.linux.resources.cpu_rt_runtime;
    if (!scheduler || (scheduler->policy != "SCHED_FIFO" && scheduler->policy != "SCHED_RR") ||
        share || facts.cgroup_mode != CgroupMode::v1 || spec.linux.cgroups_path.empty())
        return;
    for (const auto& [controller, mount] : facts.cgroup_mounts)
        if (controller == "cpu" && sys::exists(mount + "/cpu.rt_runtime_us")) share = kShare;
}

// Which of the two counted would be chance.
Result<> check_names(const oci::RuntimeSpec& spec) {
    for (const auto& [field, value, name] :
         {std::tuple("hostname", &spec.hostname, "kernel.hostname"),
          std::tuple("domainname", &spec.domainname, "kernel.domainname")})
        if (auto set = spec.linux.sysctl.find(name);
            !value->empty() && set != spec.linux.sysctl.end() && set->second != *value)
            return fail(Code::invalid_argument, "runtime configuration: '" + std::string(field) +
                                                    "' and linux.sysctl " + name +
                                                    " say two things");
    return {};
}

void place_binds(oci::RuntimeSpec& spec, const std::string& bundle) {
    for (auto& mount : spec.mounts) {
        bool bind = mount.type == "bind" ||
                    std::ranges::any_of(mount.options, [](const std::string& option) {
                        return option == "bind" || option == "rbind";
                    });
        // config.md, "Mounts": a relative source is relative to the bundle.
        if (bind && !mount.source.starts_with('/')) mount.source = bundle + "/" + mount.source;
    }
}

}  // namespace

oci::Resources without_zeros(oci::Resources resources) {
    drop_zero(resources.memory_limit);
    drop_zero(resources.memory_swap);
    drop_zero(resources.memory_reservation);
    drop_zero(resources.cpu_shares);
    drop_zero(resources.cpu_quota);
    drop_zero(resources.cpu_period);
    drop_zero(resources.pids_limit);
    drop_zero(resources.memory_kernel_tcp);
    drop_zero(resources.cpu_burst);
    drop_zero(resources.cpu_rt_runtime);
    drop_zero(resources.cpu_rt_period);
    drop_zero(resources.block_io.weight);
    drop_zero(resources.network_class);
    return resources;
}

namespace {

// Before the configuration is parsed, which takes as long as half a namespace: whether it names one
// without a path. A wrong guess costs a namespace that nobody enters, and is found out when the
// configuration has been parsed.
bool looks_like_new_network(std::string_view config) {
    if (config.find("\"uidMappings\"") != std::string_view::npos) return false;
    std::size_t word = config.find("\"network\"");
    if (word == std::string_view::npos) return false;
    std::size_t begin = config.rfind('{', word);
    if (begin == std::string_view::npos) return false;
    std::string_view object = config.substr(begin, config.find('}', word) - begin);
    return object.find("\"path\"") == std::string_view::npos;
}

}  // namespace

Result<Bundle> load_bundle(const std::string& dir, const std::string& config, const std::string& id,
                           GroupManager manager, const HostFacts& facts) {
    Bundle bundle;
    bundle.dir = TRY_IN(sys::real_path(dir.empty() ? "." : dir), "opening the bundle");
    std::string path = config.starts_with('/')
                           ? config
                           : bundle.dir + "/" + (config.empty() ? "config.json" : config);
    auto text = sys::read_file(path);
    if (!text) {
        Error error = std::move(text).error();
        if (error.code() == Code::not_found && config.empty())
            error = std::move(error).with_hint("crank oci spec --bundle " + bundle.dir);
        return fail(std::move(error));
    }
    if (looks_like_new_network(*text))
        bundle.network_namespace = sys::begin_network_namespace(sys::Loopback::up);
    bundle.spec = TRY_IN(oci::parse_runtime_spec(*text, &bundle.ignored), path);
    if (!wants_new_network(bundle.spec.linux))
        bundle.network_namespace = {};
    else if (!bundle.network_namespace.valid())
        bundle.network_namespace = sys::begin_network_namespace(sys::Loopback::up);
    TRY_IN(place_root(bundle.spec, bundle.dir), path);
    TRY_IN(manager == GroupManager::systemd ? place_scope(bundle, id, facts)
                                            : place_cgroup(bundle.spec, id, facts),
           path);
    TRY_IN(check_names(bundle.spec), path);
    TRY_IN(check_net_devices(bundle.spec.linux), path);
    place_binds(bundle.spec, bundle.dir);
    drop_ptmx(bundle.spec.linux.devices);
    bundle.spec.linux.device_rules_complete = true;
    bundle.spec.linux.resources = without_zeros(std::move(bundle.spec.linux.resources));
    give_realtime_share(bundle.spec, facts);
    bundle.text = oci::serialize(bundle.spec);
    return bundle;
}

}  // namespace crank::runtime::oci_verbs
