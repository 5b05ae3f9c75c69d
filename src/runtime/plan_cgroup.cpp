// Where a container's processes are counted and limited.
#include <algorithm>

#include "base/text.h"
#include "runtime/builder.h"

namespace crank::runtime {

using shim::OpKind;

namespace {

// What crank uses of v1 for every container.
constexpr std::string_view kV1Controllers[] = {"cpu",     "cpuacct", "memory",      "pids",
                                               "devices", "freezer", "name=systemd"};
// And these for the limits that need them: a new cpuset, for one, must first be given its
// processors and memory nodes.
constexpr std::string_view kV1Limits[] = {"cpuset",  "blkio",    "hugetlb",
                                          "net_cls", "net_prio", "rdma"};

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

void control_devices_v1(Builder& builder, const oci::RuntimeSpec& spec) {
    for (const auto& rule : device_rules(spec))
        builder.plan().cgroup_writes.push_back(
            {"devices", rule.allow ? "devices.allow" : "devices.deny", v1_text(rule)});
}

// Groups that are made only where something is limited by them.
void add_limited_dirs(Plan& plan, const HostFacts& facts, const std::string& path) {
    for (const auto& [controller, dir] : v1_limit_dirs(facts, path)) {
        bool wanted = std::ranges::any_of(plan.cgroup_writes, [&](const CgroupWrite& write) {
            return write.controller == controller;
        });
        if (wanted && std::ranges::find(plan.cgroup_dirs, dir) == plan.cgroup_dirs.end())
            plan.cgroup_dirs.push_back(dir);
    }
}

Result<> plan_v1(Builder& builder, const oci::RuntimeSpec& spec, const HostFacts& facts) {
    Plan& plan = builder.plan();
    plan.cgroup_dirs = v1_cgroup_dirs(facts, spec.linux.cgroups_path);
    TRY(plan_limits(builder, spec.linux.resources, facts));
    add_limited_dirs(plan, facts, spec.linux.cgroups_path);
    control_devices_v1(builder, spec);
    plan.facts = end_facts(facts, spec.linux.cgroups_path);
    plan.log_group = spec.linux.cgroups_path;
    for (const auto& dir : plan.cgroup_dirs)
        builder.add(OpKind::join_cgroup, "join cgroup " + dir).s1 =
            builder.text(entry_of(facts, dir));
    for (const auto& dir : v1_cgroup_dirs(facts, facts.group_parent + "/monitors"))
        plan.monitor_cgroups.push_back(dir + "/tasks");
    return {};
}

}  // namespace

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

std::vector<std::pair<std::string, std::string>> v1_limit_dirs(const HostFacts& facts,
                                                               const std::string& cgroups_path) {
    std::vector<std::pair<std::string, std::string>> dirs;
    for (std::string_view controller : kV1Limits)
        for (const auto& [name, mount] : facts.cgroup_mounts)
            if (name == controller) dirs.emplace_back(name, mount + cgroups_path);
    if (!facts.unified_mount.empty())
        dirs.emplace_back(kUnified, facts.unified_mount + cgroups_path);
    return dirs;
}

std::string entry_of(const HostFacts& facts, const std::string& dir) {
    bool v2 = !facts.unified_mount.empty() && dir.starts_with(facts.unified_mount + "/");
    return dir + (v2 ? "/cgroup.procs" : "/tasks");
}

std::vector<std::string> v1_dirs_to_join(const HostFacts& facts, const JoinFacts& join) {
    std::vector<std::string> dirs = v1_cgroup_dirs(facts, join.cgroups_path);
    dirs.insert(dirs.end(), join.limit_dirs.begin(), join.limit_dirs.end());
    if (join.sub_cgroup.empty()) return dirs;
    for (auto& dir : dirs) {
        bool meant = join.sub_controllers.empty();
        for (const auto& [name, mount] : facts.cgroup_mounts)
            meant = meant ||
                    (dir == mount + join.cgroups_path &&
                     std::ranges::find(join.sub_controllers, name) != join.sub_controllers.end());
        if (meant) dir += "/" + join.sub_cgroup;
    }
    return dirs;
}

bool controls_devices(const HostFacts& facts, const std::string& cgroups_path) {
    if (cgroups_path.empty() || facts.cgroup_mode == CgroupMode::none) return false;
    // The program that does it on v2 takes the host's rights.
    if (facts.cgroup_mode == CgroupMode::v2) return !facts.user_namespace;
    return std::any_of(facts.cgroup_mounts.begin(), facts.cgroup_mounts.end(),
                       [](const auto& mount) { return mount.first == "devices"; });
}

std::string v2_cgroup_dir(const HostFacts& facts, const std::string& cgroups_path) {
    return facts.cgroup_mounts.front().second + cgroups_path;
}

Result<> plan_cgroups(Builder& builder, const oci::RuntimeSpec& spec, const HostFacts& facts) {
    const oci::Resources& r = spec.linux.resources;
    if (spec.linux.cgroups_path.empty()) {
        if (facts.cgroup_mode == CgroupMode::none && wants_limits(r))
            return fail(
                Error(Code::unsupported,
                      "linux.resources has limits and this host has no writable cgroups")
                    .with_hint("run as root where the hierarchies are mounted, or leave them out"));
        return {};
    }
    TRY(check_cgroups_path(spec.linux.cgroups_path));
    switch (facts.cgroup_mode) {
        case CgroupMode::none:
            if (wants_limits(r))
                return fail(
                    Error(Code::unsupported,
                          "limits were asked for and this host has no writable cgroups")
                        .with_hint("run as root, or drop the limits: --limits=best-effort"));
            return {};
        case CgroupMode::v1: return plan_v1(builder, spec, facts);
        case CgroupMode::v2: {
            Plan& plan = builder.plan();
            std::string dir = v2_cgroup_dir(facts, spec.linux.cgroups_path);
            plan.cgroup_dirs.push_back(dir);
            TRY(plan_limits(builder, spec.linux.resources, facts));
            plan.device_rules = device_rules(spec);
            plan.facts = end_facts(facts, spec.linux.cgroups_path);
            plan.log_group = spec.linux.cgroups_path;
            plan.monitor_cgroups.push_back(v2_cgroup_dir(facts, facts.group_parent + "/monitors") +
                                           "/cgroup.procs");
            return {};
        }
    }
    return {};
}

}  // namespace crank::runtime
