// `update`: other limits for a container that runs.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "base/undo.h"
#include "runtime/builder.h"
#include "runtime/cgroup.h"
#include "runtime/oci/control.h"
#include "runtime/runtime.h"
#include "sys/file.h"

namespace crank::runtime::oci_verbs {
namespace {

constexpr int kMostRounds = 100;

// A line of a file that holds a line a device: what it said of the device before, or that it has no
// limit.
std::string device_line(const std::string& file, const std::string& before,
                        const std::string& device) {
    for (const auto& line : split(before, '\n'))
        if (line.starts_with(device + " ")) return line;
    if (file.ends_with("io.max")) return device + " rbps=max wbps=max riops=max wiops=max";
    return device + (file.ends_with("io.weight") ? " default" : " 0");
}

std::string what_was(const std::string& file, const std::string& before,
                     const std::string& written) {
    std::size_t space = written.find(' ');
    bool of_device = space != std::string::npos && written.substr(0, space).contains(':');
    if (of_device) return device_line(file, before, written.substr(0, space));
    // "default 100", before the devices' own
    std::string first = split(before, '\n').front();
    if (file.ends_with("memory.oom_control")) return first.ends_with("1") ? "1" : "0";
    return std::string(trim(std::string_view(first)));
}

Result<> write_one(const std::string& file, const std::string& value, Undo& undo) {
    auto before = sys::read_file(file, 65536);
    TRY(sys::write_knob(file, value));
    if (before)
        undo.add(
            [file, old = what_was(file, *before, value)] { return sys::write_knob(file, old); });
    return {};
}

Result<> apply(const std::string& dir, const CgroupWrite& write, Undo& undo) {
    auto done = write_one(dir + "/" + write.file, write.value, undo);
    if (done || done.error().code() != Code::not_found) return done;
    if (!write.otherwise_file.empty())
        return write_one(dir + "/" + write.otherwise_file, write.otherwise_value, undo);
    return write.optional ? Result<>() : done;
}

// Until nothing that the container's processes start meanwhile is left outside.
Result<> gather(const std::string& dir, const std::string& cgroups_path, const HostFacts& facts) {
    for (int i = 0; i < kMostRounds; ++i) {
        std::set<std::string> inside;
        for (const auto& pid : split(TRY(sys::read_file(dir + "/cgroup.procs")), '\n'))
            inside.insert(pid);
        bool moved = false;
        for (pid_t pid : TRY(processes(cgroups_path, facts))) {
            if (inside.contains(std::to_string(pid))) continue;
            moved = true;
            auto done = sys::write_knob(dir + "/cgroup.procs", std::to_string(pid));
            // It may just have ended.
            if (!done && done.error().code() != Code::not_found) return done;
        }
        if (!moved) return {};
    }
    return fail(Code::deadline_exceeded,
                "the container starts processes faster than they can be moved into " + dir);
}

// A group of the container's that no limit has needed so far.
Result<> join_limit_groups(const Plan& plan, const std::string& cgroups_path,
                           const HostFacts& facts) {
    for (const auto& [controller, dir] : v1_limit_dirs(facts, cgroups_path)) {
        bool wanted = std::ranges::any_of(
            plan.cgroup_writes,
            [name = controller](const CgroupWrite& write) { return write.controller == name; });
        if (!wanted || sys::exists(dir)) continue;
        if (is_beside_v1(facts, dir)) TRY(enable_for(plan, dir, facts));
        TRY(make_group(facts, dir));
        TRY(gather(dir, cgroups_path, facts));
    }
    return {};
}

Result<> check_usage(const std::string& cgroups_path, const oci::Resources& resources,
                     const HostFacts& facts) {
    if (!resources.memory_check_before_update.value_or(false)) return {};
    if (!resources.memory_limit || *resources.memory_limit < 0) return {};
    CgroupUsage usage = TRY(read_usage(cgroups_path, facts));
    if (usage.memory_current <= *resources.memory_limit) return {};
    return fail(Code::failed_precondition, "memory.limit: the container uses " +
                                               std::to_string(usage.memory_current) +
                                               " bytes, more than the new limit of " +
                                               std::to_string(*resources.memory_limit));
}

struct Target {
    std::string dir;
    CgroupWrite write;
};

// v2 has one file for both: what is not given stays.
Result<oci::Resources> with_quota(const oci::Resources& resources, const std::string& cgroups_path,
                                  const HostFacts& facts) {
    oci::Resources out = resources;
    if (facts.cgroup_mode != CgroupMode::v2 || !out.cpu_period || out.cpu_quota) return out;
    std::string now = TRY(sys::read_file(v2_cgroup_dir(facts, cgroups_path) + "/cpu.max", 4096));
    out.cpu_quota = parse_int(now.substr(0, now.find(' '))).value_or(-1);  // "max": none
    return out;
}

// v1: memory may never be over memory and swap, so no limit of the one is none of the other. Its
// callers (docker update --memory -1) count on it.
oci::Resources with_swap(oci::Resources resources, const std::string& cgroups_path,
                         const HostFacts& facts) {
    if (facts.cgroup_mode != CgroupMode::v1 || resources.memory_limit != -1 ||
        resources.memory_swap)
        return resources;
    if (sys::exists(group_dir("memory", cgroups_path, facts) + "/memory.memsw.limit_in_bytes"))
        resources.memory_swap = -1;
    return resources;
}

Result<std::vector<Target>> targets_of(const Plan& plan, const std::string& cgroups_path,
                                       const HostFacts& facts) {
    std::vector<Target> targets;
    for (const auto& write : plan.cgroup_writes) {
        std::string dir = group_dir(write.controller, cgroups_path, facts);
        if (dir.empty() && write.optional) continue;
        if (dir.empty())
            return fail(Code::unsupported,
                        "this host has no '" + write.controller + "' cgroup to limit");
        targets.push_back({dir, write});
    }
    return targets;
}

}  // namespace

Result<> update_limits(const std::string& cgroups_path, const oci::Resources& resources,
                       const HostFacts& facts) {
    if (cgroups_path.empty() || facts.cgroup_mode == CgroupMode::none)
        return fail(Code::unsupported, "the container has no cgroup whose limits could change");
    if (!resources.devices.empty())
        return fail(Code::unsupported, "the devices of a running container cannot be changed yet");
    TRY(check_usage(cgroups_path, resources, facts));
    Plan plan;
    Builder builder(plan);
    oci::Resources wanted = TRY(with_quota(resources, cgroups_path, facts));
    TRY(plan_limits(builder, with_swap(std::move(wanted), cgroups_path, facts), facts));
    auto targets = TRY(targets_of(plan, cgroups_path, facts));
    if (facts.cgroup_mode == CgroupMode::v1) TRY(join_limit_groups(plan, cgroups_path, facts));
    if (facts.cgroup_mode == CgroupMode::v2 && needs_unusual_controllers(plan))
        TRY(enable_for(plan, v2_cgroup_dir(facts, cgroups_path), facts));
    Undo undo;
    // v1: memory may never be over memory+swap, so the order depends on the direction. What is
    // refused is tried again after the others.
    std::vector<const Target*> again;
    for (const auto& target : targets)
        if (!apply(target.dir, target.write, undo)) again.push_back(&target);
    for (const Target* target : again)
        if (auto done = apply(target->dir, target->write, undo); !done)
            return fail(undo.run(std::move(done).error()));
    undo.commit();
    return {};
}

}  // namespace crank::runtime::oci_verbs
