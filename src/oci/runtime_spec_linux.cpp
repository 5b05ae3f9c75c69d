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

Result<> read_device_rules(ObjectReader& parent, std::vector<DeviceRule>& out) {
    return parent.each("devices", [&](const Json& value, const std::string& path) -> Result<> {
        auto in = TRY(parent.element(value, path));
        DeviceRule& rule = out.emplace_back();
        TRY(in.require("allow"));
        TRY(in.read("allow", rule.allow));
        TRY(in.read("type", rule.type));
        if (rule.type != "a" && rule.type != "b" && rule.type != "c")
            return in.bad("type", "is not one of a, b, c");
        TRY(in.read("major", rule.major));
        TRY(in.read("minor", rule.minor));
        TRY(in.read("access", rule.access));
        if (rule.access.find_first_not_of("rwm") != std::string::npos)
            return in.bad("access", "is not made of r, w and m");
        return in.refuse_unknown();
    });
}

Result<> read_memory(ObjectReader& in, Resources& out) {
    TRY(in.read("limit", out.memory_limit));
    TRY(in.read("swap", out.memory_swap));
    TRY(in.read("reservation", out.memory_reservation));
    TRY(in.refuse_unsupported({"kernel", "kernelTCP", "swappiness", "disableOOMKiller",
                               "useHierarchy", "checkBeforeUpdate"}));
    return in.refuse_unknown();
}

Result<> read_cpu(ObjectReader& in, Resources& out) {
    TRY(in.read("shares", out.cpu_shares));
    TRY(in.read("quota", out.cpu_quota));
    TRY(in.read("period", out.cpu_period));
    TRY(in.read("cpus", out.cpuset_cpus));
    TRY(in.read("mems", out.cpuset_mems));
    TRY(in.refuse_unsupported({"burst", "realtimeRuntime", "realtimePeriod", "idle"}));
    return in.refuse_unknown();
}

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
    TRY(in.refuse_unsupported({"flags", "listenerPath", "listenerMetadata"}));
    return in.refuse_unknown();
}

}  // namespace

Result<> read_resources(ObjectReader& in, Resources& out) {
    TRY(read_device_rules(in, out.devices));
    TRY(in.object("memory", [&](ObjectReader& memory) { return read_memory(memory, out); }));
    TRY(in.object("cpu", [&](ObjectReader& cpu) { return read_cpu(cpu, out); }));
    TRY(in.object("pids", [&](ObjectReader& pids) -> Result<> {
        TRY(pids.read("limit", out.pids_limit));
        return pids.refuse_unknown();
    }));
    TRY(in.refuse_unsupported({"blockIO", "hugepageLimits", "network", "rdma", "unified"}));
    return in.refuse_unknown();
}

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
    TRY(in.object("personality", [&](ObjectReader& personality) -> Result<> {
        TRY(personality.require("domain"));
        TRY(personality.read("domain", out.personality.emplace()));
        if (*out.personality != "LINUX" && *out.personality != "LINUX32")
            return personality.bad("domain", "is not LINUX or LINUX32");
        TRY(personality.refuse_unsupported({"flags"}));
        return personality.refuse_unknown();
    }));
    TRY(in.object("timeOffsets", [&](ObjectReader& offsets) -> Result<> {
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
    }));
    TRY(in.refuse_unsupported({"mountLabel", "intelRdt", "netDevices", "memoryPolicy"}));
    return in.refuse_unknown();
}

}  // namespace crank::oci
