#include "oci/runtime_spec_linux.h"

#include <algorithm>
#include <array>
#include <set>

namespace crank::oci {

namespace {

constexpr std::array<std::string_view, 8> kNamespaces = {"pid", "network", "mount",  "ipc",
                                                         "uts", "user",    "cgroup", "time"};

Result<> read_namespaces(ObjectReader& parent, std::vector<Namespace>& out) {
    std::set<std::string> seen;
    return parent.each("namespaces", [&](const Json& value, const std::string& path) -> Result<> {
        auto in = TRY(parent.element(value, path));
        Namespace space;
        TRY(in.read("type", space.type));
        if (std::ranges::find(kNamespaces, space.type) == kNamespaces.end())
            return in.bad("type", "is not a kind of namespace: '" + space.type + "'");
        // config-linux.md, "Namespaces": duplicates MUST be an error.
        if (!seen.insert(space.type).second) return in.bad("type", "stands twice: " + space.type);
        TRY(in.read("path", space.path));
        if (!space.path.empty() && !space.path.starts_with('/'))
            return in.bad("path", "is not an absolute path");
        out.push_back(std::move(space));
        return in.refuse_unknown();
    });
}

}  // namespace

Result<> read_mappings(ObjectReader& parent, std::string_view name, std::vector<IdMapping>& out) {
    return parent.each(name, [&](const Json& value, const std::string& path) -> Result<> {
        auto in = TRY(parent.element(value, path));
        IdMapping& mapping = out.emplace_back();
        for (std::string_view field : {"containerID", "hostID", "size"}) TRY(in.require(field));
        TRY(in.read("containerID", mapping.container_id));
        TRY(in.read("hostID", mapping.host_id));
        TRY(in.read("size", mapping.size));
        return in.refuse_unknown();
    });
}

namespace {

Result<> read_devices(ObjectReader& parent, std::vector<Device>& out) {
    return parent.each("devices", [&](const Json& value, const std::string& path) -> Result<> {
        auto in = TRY(parent.element(value, path));
        Device& device = out.emplace_back();
        TRY(in.read("path", device.path));
        if (!device.path.starts_with('/')) return in.bad("path", "is not an absolute path");
        TRY(in.read("type", device.type));
        if (device.type != "c" && device.type != "b" && device.type != "u" && device.type != "p")
            return in.bad("type", "is not one of c, b, u, p");
        TRY(in.read("major", device.major));
        TRY(in.read("minor", device.minor));
        TRY(in.read("fileMode", device.file_mode));
        // Go's os.FileMode: permission bits alone count here.
        device.file_mode &= 07777;
        TRY(in.read("uid", device.uid));
        TRY(in.read("gid", device.gid));
        return in.refuse_unknown();
    });
}

}  // namespace

Result<> read_seccomp_args(ObjectReader& rule, std::vector<SeccompArg>& out) {
    return rule.each("args", [&](const Json& value, const std::string& path) -> Result<> {
        auto in = TRY(rule.element(value, path));
        SeccompArg& arg = out.emplace_back();
        TRY(in.require("index"));
        TRY(in.read("index", arg.index));
        if (arg.index > 5) return in.bad("index", "is over 5: a system call has six arguments");
        TRY(in.require("value"));
        TRY(in.read("value", arg.value));
        TRY(in.read("valueTwo", arg.value_two));
        TRY(in.require("op"));
        TRY(in.read("op", arg.op));
        return in.refuse_unknown();
    });
}

namespace {

Result<> read_seccomp(ObjectReader& in, Seccomp& out) {
    TRY(in.require("defaultAction"));
    TRY(in.read("defaultAction", out.default_action));
    TRY(in.read("defaultErrnoRet", out.default_errno_ret));
    TRY(in.read("architectures", out.architectures));
    TRY(in.each("syscalls", [&](const Json& value, const std::string& path) -> Result<> {
        auto rule = TRY(in.element(value, path));
        SeccompSyscall& call = out.syscalls.emplace_back();
        TRY(rule.read("names", call.names));
        if (call.names.empty()) return rule.bad("names", "is empty");
        TRY(rule.require("action"));
        TRY(rule.read("action", call.action));
        TRY(rule.read("errnoRet", call.errno_ret));
        TRY(read_seccomp_args(rule, call.args));
        return rule.refuse_unknown();
    }));
    TRY(in.read("flags", out.flags));
    TRY(in.read("listenerPath", out.listener_path));
    if (!out.listener_path.empty() && !out.listener_path.starts_with('/'))
        return in.bad("listenerPath", "is not an absolute path");
    TRY(in.read("listenerMetadata", out.listener_metadata));
    if (out.listener_path.empty() && !out.listener_metadata.empty())
        return in.bad("listenerMetadata", "stands without a listenerPath");
    return in.refuse_unknown();
}

Result<> read_personality(ObjectReader& in, Linux& out) {
    return in.object("personality", [&](ObjectReader& personality) -> Result<> {
        TRY(personality.require("domain"));
        TRY(personality.read("domain", out.personality.emplace()));
        if (*out.personality != "LINUX" && *out.personality != "LINUX32")
            return personality.bad("domain", "is not LINUX or LINUX32");
        TRY(personality.refuse_unsupported({"flags"}));
        return personality.refuse_unknown();
    });
}

Result<> read_time_offsets(ObjectReader& in, Linux& out) {
    return in.object("timeOffsets", [&](ObjectReader& offsets) -> Result<> {
        for (auto [name, offset] : {std::pair{"monotonic", &out.monotonic_offset},
                                    std::pair{"boottime", &out.boottime_offset}})
            TRY(offsets.object(name, [&](ObjectReader& clock) -> Result<> {
                TRY(clock.read("secs", offset->emplace().seconds));
                TRY(clock.read("nanosecs", (*offset)->nanoseconds));
                if ((*offset)->nanoseconds > 999'999'999)
                    return clock.bad("nanosecs", "is over 999999999");
                return clock.refuse_unknown();
            }));
        return offsets.refuse_unknown();
    });
}

Result<> read_net_devices(ObjectReader& in, Linux& out) {
    return in.object("netDevices", [&](ObjectReader& devices) -> Result<> {
        for (const std::string& name : devices.names())
            TRY(devices.object(name, [&](ObjectReader& device) -> Result<> {
                TRY(device.read("name", out.net_devices[name].name));
                return device.refuse_unknown();
            }));
        return {};
    });
}

Result<> read_memory_policy(ObjectReader& in, Linux& out) {
    return in.object("memoryPolicy", [&](ObjectReader& policy) -> Result<> {
        auto& to = out.memory_policy.emplace();
        TRY(policy.read("mode", to.mode));
        TRY(policy.read("nodes", to.nodes));
        TRY(policy.read("flags", to.flags));
        return policy.refuse_unknown();
    });
}

}  // namespace

Result<> read_linux(ObjectReader& in, Linux& out) {
    TRY(read_namespaces(in, out.namespaces));
    TRY(read_mappings(in, "uidMappings", out.uid_mappings));
    TRY(read_mappings(in, "gidMappings", out.gid_mappings));
    TRY(read_devices(in, out.devices));
    TRY(in.object("resources", [&](ObjectReader& resources) {
        return read_resources(resources, out.resources);
    }));
    TRY(in.read("cgroupsPath", out.cgroups_path));
    TRY(in.read("rootfsPropagation", out.rootfs_propagation));
    TRY(in.read("maskedPaths", out.masked_paths));
    TRY(in.read("readonlyPaths", out.readonly_paths));
    TRY(in.read("sysctl", out.sysctl));
    TRY(in.object("seccomp", [&](ObjectReader& seccomp) -> Result<> {
        return read_seccomp(seccomp, out.seccomp.emplace());
    }));
    TRY(read_personality(in, out));
    TRY(read_time_offsets(in, out));
    TRY(read_memory_policy(in, out));
    TRY(read_net_devices(in, out));
    TRY(in.refuse_unsupported({"mountLabel", "intelRdt"}));
    return in.refuse_unknown();
}

}  // namespace crank::oci
