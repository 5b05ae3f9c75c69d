// Where a container's processes are counted and limited.
#include <algorithm>

#include "base/text.h"
#include "runtime/builder.h"

namespace crank::runtime {

using shim::OpKind;

namespace {

// What crank uses of v1. cpuset is joined only when it is limited (a new cpuset must first be given
// its CPUs and memory nodes); blkio and the rest come with the flags that need them.
constexpr std::string_view kV1Controllers[] = {"cpu",     "cpuacct", "memory",      "pids",
                                               "devices", "freezer", "name=systemd"};

constexpr std::int64_t kDefaultPeriod = 100'000;  // microseconds, the kernel's

void write(Builder& builder, std::string controller, std::string file, std::string value,
           bool optional = false) {
    builder.plan().cgroup_writes.push_back(
        {std::move(controller), std::move(file), std::move(value), optional});
}

std::string number(std::int64_t value) { return std::to_string(value); }

oci::DeviceRule allow(std::string type, std::optional<std::int64_t> major,
                      std::optional<std::int64_t> minor, std::string access) {
    return {true, std::move(type), major, minor, std::move(access)};
}

// Deny all; then what the spec says, which often begins with denying all as well; then what every
// container may use whatever came before, as with runc: making nodes (using them needs more), the
// default devices of runtime-spec config-linux.md, terminals, the devices it is given.
std::vector<oci::DeviceRule> device_rules(const oci::RuntimeSpec& spec) {
    std::vector<oci::DeviceRule> rules;
    rules.push_back({false, "a", {}, {}, "rwm"});
    for (const auto& rule : spec.linux.resources.devices) rules.push_back(rule);
    rules.push_back(allow("c", {}, {}, "m"));
    rules.push_back(allow("b", {}, {}, "m"));
    for (std::int64_t minor : {3, 5, 7, 8, 9}) rules.push_back(allow("c", 1, minor, "rwm"));
    for (std::int64_t minor : {0, 1, 2}) rules.push_back(allow("c", 5, minor, "rwm"));
    rules.push_back(allow("c", 136, {}, "rwm"));
    for (const auto& device : spec.linux.devices)
        if (!spec.linux.device_rules_complete &&
            (device.type == "c" || device.type == "u" || device.type == "b"))
            rules.push_back(
                allow(device.type == "b" ? "b" : "c", device.major, device.minor, "rwm"));
    return rules;
}

std::string v1_text(const oci::DeviceRule& rule) {
    if (rule.type == "a") return "a";
    auto part = [](const std::optional<std::int64_t>& n) {
        return n && *n >= 0 ? std::to_string(*n) : std::string("*");
    };
    return rule.type + " " + part(rule.major) + ":" + part(rule.minor) + " " +
           (rule.access.empty() ? "rwm" : rule.access);
}

void limit_memory_v1(Builder& builder, const oci::Resources& r) {
    // The limit before memory+swap, which may never be below it.
    if (r.memory_limit) write(builder, "memory", "memory.limit_in_bytes", number(*r.memory_limit));
    if (r.memory_swap)
        write(builder, "memory", "memory.memsw.limit_in_bytes", number(*r.memory_swap), true);
    if (r.memory_reservation)
        write(builder, "memory", "memory.soft_limit_in_bytes", number(*r.memory_reservation));
}

void limit_v1(Builder& builder, const oci::Resources& r) {
    limit_memory_v1(builder, r);
    if (r.cpu_shares) write(builder, "cpu", "cpu.shares", std::to_string(*r.cpu_shares));
    if (r.cpu_period) write(builder, "cpu", "cpu.cfs_period_us", std::to_string(*r.cpu_period));
    if (r.cpu_quota) write(builder, "cpu", "cpu.cfs_quota_us", number(*r.cpu_quota));
    if (r.pids_limit)
        write(builder, "pids", "pids.max", *r.pids_limit < 0 ? "max" : number(*r.pids_limit));
}

void control_devices_v1(Builder& builder, const oci::RuntimeSpec& spec) {
    for (const auto& rule : device_rules(spec))
        write(builder, "devices", rule.allow ? "devices.allow" : "devices.deny", v1_text(rule));
}

void limit_v2(Builder& builder, const oci::Resources& r) {
    auto bytes = [](std::int64_t n) { return n < 0 ? std::string("max") : std::to_string(n); };
    if (r.memory_limit) write(builder, "", "memory.max", bytes(*r.memory_limit));
    if (r.memory_swap) {
        std::int64_t swap = *r.memory_swap < 0 ? -1 : *r.memory_swap - r.memory_limit.value_or(0);
        write(builder, "", "memory.swap.max", bytes(swap), true);
    }
    if (r.memory_reservation) write(builder, "", "memory.low", bytes(*r.memory_reservation));
    if (r.cpu_quota || r.cpu_period) {
        auto period = static_cast<std::int64_t>(
            r.cpu_period.value_or(static_cast<std::uint64_t>(kDefaultPeriod)));
        write(builder, "", "cpu.max", bytes(r.cpu_quota.value_or(-1)) + " " + number(period));
    }
    if (r.cpu_shares) {
        // The mapping of runtime-spec's users: shares 2..262144 to weight 1..10000.
        auto shares = std::clamp<std::uint64_t>(*r.cpu_shares, 2, 262144);
        write(builder, "", "cpu.weight", std::to_string(1 + (shares - 2) * 9999 / 262142));
    }
    if (r.pids_limit) write(builder, "", "pids.max", bytes(*r.pids_limit));
}

bool wants_limits(const oci::Resources& r) {
    return r.memory_limit || r.memory_swap || r.memory_reservation || r.cpu_shares || r.cpu_quota ||
           r.cpu_period || r.pids_limit;
}

void plan_v1(Builder& builder, const oci::RuntimeSpec& spec, const HostFacts& facts) {
    Plan& plan = builder.plan();
    plan.cgroup_dirs = v1_cgroup_dirs(facts, spec.linux.cgroups_path);
    limit_v1(builder, spec.linux.resources);
    control_devices_v1(builder, spec);
    for (const auto& [controller, mount] : facts.cgroup_mounts)
        if (controller == "memory")
            plan.oom_file = mount + spec.linux.cgroups_path + "/memory.oom_control";
    for (const auto& dir : plan.cgroup_dirs)
        builder.add(OpKind::join_cgroup, "join cgroup " + dir).s1 = builder.text(dir + "/tasks");
    for (const auto& dir : v1_cgroup_dirs(facts, "/crank/monitors"))
        plan.monitor_cgroups.push_back(dir + "/tasks");
}

}  // namespace

void plan_limits(Builder& builder, const oci::Resources& resources, const HostFacts& facts) {
    if (facts.cgroup_mode == CgroupMode::v1) limit_v1(builder, resources);
    if (facts.cgroup_mode == CgroupMode::v2) limit_v2(builder, resources);
}

Result<> check_cgroups_path(const std::string& path) {
    bool good = path.starts_with("/") && path.size() > 1 && !path.ends_with("/");
    for (const auto& part : split(path.substr(std::min<std::size_t>(1, path.size())), '/'))
        good = good && !part.empty() && part != "." && part != "..";
    if (!good)
        return fail(Code::invalid_argument,
                    "linux.cgroupsPath '" + path + "' is not an absolute path without . and ..");
    return {};
}

std::vector<std::string> v1_cgroup_dirs(const HostFacts& facts, const std::string& cgroups_path) {
    std::vector<std::string> dirs;
    for (std::string_view controller : kV1Controllers) {
        for (const auto& [name, mount] : facts.cgroup_mounts) {
            if (name != controller) continue;
            std::string dir = mount + cgroups_path;
            // cpu and cpuacct are often one hierarchy.
            if (std::find(dirs.begin(), dirs.end(), dir) == dirs.end()) dirs.push_back(dir);
        }
    }
    return dirs;
}

bool controls_devices(const HostFacts& facts, const std::string& cgroups_path) {
    if (cgroups_path.empty() || facts.cgroup_mode == CgroupMode::none) return false;
    return facts.cgroup_mode == CgroupMode::v2 ||
           std::any_of(facts.cgroup_mounts.begin(), facts.cgroup_mounts.end(),
                       [](const auto& mount) { return mount.first == "devices"; });
}

std::string v2_cgroup_dir(const HostFacts& facts, const std::string& cgroups_path) {
    return facts.cgroup_mounts.front().second + cgroups_path;
}

Result<> plan_cgroups(Builder& builder, const oci::RuntimeSpec& spec, const HostFacts& facts) {
    if (spec.linux.cgroups_path.empty()) return {};
    TRY(check_cgroups_path(spec.linux.cgroups_path));
    const oci::Resources& r = spec.linux.resources;
    if (!r.cpuset_cpus.empty() || !r.cpuset_mems.empty())
        return fail(Code::unsupported, "linux.resources.cpu.cpus and mems are not supported yet");
    switch (facts.cgroup_mode) {
        case CgroupMode::none:
            if (wants_limits(r))
                return fail(
                    Error(Code::unsupported,
                          "limits were asked for and this host has no writable cgroups")
                        .with_hint("run as root, or drop the limits: --limits=best-effort"));
            return {};
        case CgroupMode::v1: plan_v1(builder, spec, facts); return {};
        case CgroupMode::v2: {
            Plan& plan = builder.plan();
            std::string dir = v2_cgroup_dir(facts, spec.linux.cgroups_path);
            plan.cgroup_dirs.push_back(dir);
            limit_v2(builder, spec.linux.resources);
            plan.device_rules = device_rules(spec);
            plan.oom_file = dir + "/memory.events";
            plan.monitor_cgroups.push_back(v2_cgroup_dir(facts, "/crank/monitors") +
                                           "/cgroup.procs");
            return {};
        }
    }
    return {};
}

}  // namespace crank::runtime
