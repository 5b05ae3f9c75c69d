#include "runtime/cgroup.h"

#include <algorithm>

#include "base/text.h"
#include "runtime/builder.h"
#include "runtime/runtime.h"
#include "runtime/scope.h"
#include "runtime/scope_apply.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include "sys/knob.h"
#include "sys/open_flags.h"

namespace crank::runtime {
namespace {

// "write '0' to .../pids.max" without the controller that the kernel lacks says little: name it.
Error explain_write(Error error, const CgroupWrite& write) {
    std::string what = "apply " + write.file + " = " + write.value;
    return std::move(error).with_context(what).with_hint(
        "this host cannot apply the limit; --limits=best-effort starts without it");
}

Result<> make_dir_above(const std::string& dir) {
    auto made = sys::make_dir(dir, 0755);
    if (made || made.error().code() == Code::already_exists) return {};
    if (made.error().code() != Code::not_found) return made;
    TRY(sys::make_dirs(dir.substr(0, dir.rfind('/')), 0755));
    return sys::make_dir(dir, 0755);
}

// A new cpuset has no processor and no memory node, and takes no process before it has.
Result<> fill_cpusets(const std::string& root, const std::string& dir) {
    std::string above = root;
    for (const auto& part : split(dir.substr(root.size() + 1), '/')) {
        std::string at = above + "/" + part;
        for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
            std::string own = TRY(sys::read_file(at + file, 65536));
            if (!trim(own).empty()) continue;
            std::string theirs = TRY(sys::read_file(above + file, 65536));
            TRY(sys::write_knob(at + file, trim(theirs)));
        }
        above = at;
    }
    return {};
}

constexpr std::string_view kUsual[] = {"cpu", "memory", "pids"};

// Of the files that are written; "cgroup.*" is the core's.
Result<std::string> controllers_for(const Plan& plan, const HostFacts& facts) {
    std::vector<std::string> enable;
    auto has = [&](std::string_view name) {
        return std::ranges::find(facts.v2_controllers, name) != facts.v2_controllers.end();
    };
    for (std::string_view usual : kUsual)
        if (has(usual)) enable.emplace_back(usual);
    for (const auto& write : plan.cgroup_writes) {
        if (!write.controller.empty() && write.controller != kUnified) continue;
        std::string name = write.file.substr(0, write.file.find('.'));
        if (name == "cgroup" || std::ranges::find(enable, name) != enable.end()) continue;
        if (!has(name) && !write.optional)
            return fail(Code::unsupported, "apply " + write.file + " = " + write.value +
                                               ": this host's cgroup v2 has no controller '" +
                                               name + "'");
        if (has(name)) enable.push_back(name);
    }
    std::string words;
    for (const auto& name : enable) words += (words.empty() ? "+" : " +") + name;
    return words;
}

}  // namespace

bool needs_unusual_controllers(const Plan& plan) {
    return std::ranges::any_of(plan.cgroup_writes, [](const CgroupWrite& write) {
        std::string name = write.file.substr(0, write.file.find('.'));
        return std::ranges::find(kUsual, name) == std::end(kUsual);
    });
}

bool is_beside_v1(const HostFacts& facts, const std::string& dir) {
    return !facts.unified_mount.empty() && facts.cgroup_mode == CgroupMode::v1 &&
           dir.starts_with(facts.unified_mount + "/");
}

Result<> make_group(const HostFacts& facts, const std::string& dir) {
    TRY(make_dir_above(dir));
    for (const auto& [name, mount] : facts.cgroup_mounts)
        if (name == "cpuset" && dir.starts_with(mount + "/")) TRY(fill_cpusets(mount, dir));
    return {};
}

// A controller works in a group only when every group above enables it for its children.
Result<> enable_for(const Plan& plan, const std::string& dir, const HostFacts& facts) {
    std::string enable = TRY(controllers_for(plan, facts));
    if (enable.empty()) return {};
    const std::string& root = facts.cgroup_mode == CgroupMode::v2
                                  ? facts.cgroup_mounts.front().second
                                  : facts.unified_mount;
    std::string at = root + (facts.cgroup_mode == CgroupMode::v2 ? facts.delegated : "");
    for (const auto& part : split(dir.substr(at.size() + 1), '/')) {
        TRY_IN(sys::write_knob(at + "/cgroup.subtree_control", enable),
               "enabling cgroup controllers for " + dir);
        at += "/" + part;
        if (at == dir) break;
        TRY(make_dir_above(at));
    }
    return {};
}

std::string group_dir(std::string_view controller, const std::string& cgroups_path,
                      const HostFacts& facts) {
    if (facts.cgroup_mode == CgroupMode::v2) return v2_cgroup_dir(facts, cgroups_path);
    if (controller == kUnified) return facts.unified_mount + cgroups_path;
    for (const auto& [name, mount] : facts.cgroup_mounts)
        if (name == controller) return mount + cgroups_path;
    return "";
}

std::vector<std::string> existing_limit_dirs(const std::string& cgroups_path,
                                             const HostFacts& facts) {
    std::vector<std::string> dirs;
    if (facts.cgroup_mode != CgroupMode::v1 || cgroups_path.empty()) return dirs;
    for (const auto& [controller, dir] : v1_limit_dirs(facts, cgroups_path))
        if (sys::exists(dir)) dirs.push_back(dir);
    return dirs;
}

namespace {

std::string dir_for(const Plan& plan, const HostFacts& facts, const std::string& controller) {
    if (controller.empty()) return plan.cgroup_dirs.front();
    if (controller == kUnified)
        for (const auto& dir : plan.cgroup_dirs)
            if (dir.starts_with(facts.unified_mount + "/")) return dir;
    for (const auto& [name, mount] : facts.cgroup_mounts)
        if (name == controller)
            for (const auto& dir : plan.cgroup_dirs)
                if (dir.starts_with(mount + "/")) return dir;
    return "";
}

std::int64_t read_number(const std::string& path) {
    auto text = sys::read_file(path, 4096);
    if (!text) return 0;
    return parse_int(trim(*text)).value_or(0);
}

constexpr std::int64_t kWhole = 1'000'000;  // parts of one processor

// What a group may use of realtime.
std::int64_t realtime_of(const std::string& dir) {
    std::int64_t period = read_number(dir + "/cpu.rt_period_us");
    return period <= 0 ? 0 : read_number(dir + "/cpu.rt_runtime_us") * kWhole / period;
}

// v1: the groups above, up to the hierarchy's root, must have as much as all below them together.
Result<> allow_realtime(const std::string& dir, const CgroupWrite& write, const Plan& plan,
                        const HostFacts& facts) {
    std::int64_t period = kWhole;
    for (const auto& other : plan.cgroup_writes)
        if (other.file == "cpu.rt_period_us") period = parse_int(other.value).value_or(kWhole);
    std::int64_t need = period <= 0 ? 0 : parse_int(write.value).value_or(0) * kWhole / period + 1;
    std::string root;
    for (const auto& [name, mount] : facts.cgroup_mounts)
        if (name == "cpu") root = mount;
    std::vector<std::pair<std::string, std::int64_t>> raise;  // the lowest first
    for (std::string below = dir, above; (above = below.substr(0, below.rfind('/'))) != root;
         below = above) {
        for (const auto& name : TRY(sys::list_dir(above)))
            if (std::string sibling = above + "/" + name; sibling != below)
                need += realtime_of(sibling);
        if (realtime_of(above) >= need) break;
        raise.emplace_back(above, need);
    }
    for (auto it = raise.rbegin(); it != raise.rend(); ++it) {
        std::int64_t theirs = read_number(it->first + "/cpu.rt_period_us");
        TRY(sys::write_knob(it->first + "/cpu.rt_runtime_us",
                            std::to_string(it->second * theirs / kWhole)));
    }
    return {};
}

Result<> write_limits(const Plan& plan, const HostFacts& facts) {
    sys::Knobs knobs;
    for (const auto& write : plan.cgroup_writes) {
        std::string dir = dir_for(plan, facts, write.controller);
        if (dir.empty()) {
            if (write.optional || write.controller == "devices") continue;
            return fail(explain_write(
                Error(Code::unsupported, "this host has no '" + write.controller + "' cgroup"),
                write));
        }
        if (write.file == "cpu.rt_runtime_us") TRY(allow_realtime(dir, write, plan, facts));
        auto done = knobs.write(dir + "/" + write.file, write.value);
        if (!done && done.error().code() == Code::not_found && !write.otherwise_file.empty())
            done = knobs.write(dir + "/" + write.otherwise_file, write.otherwise_value);
        if (done) continue;
        if (write.optional && done.error().code() == Code::not_found) continue;
        return fail(explain_write(std::move(done).error(), write));
    }
    return {};
}

}  // namespace

namespace {

// The unit whose group `dir` is to be made in, by the first start since the machine's own.
Result<> ensure_parent(const HostFacts& facts, const std::string& dir) {
    bool systems = facts.cgroup_mode == CgroupMode::v2 && facts.delegated.empty() &&
                   facts.group_parent.ends_with(kContainersUnit);
    if (!systems) return {};
    std::string parent = v2_cgroup_dir(facts, facts.group_parent);
    if (!dir.starts_with(parent + "/") || sys::exists(parent)) return {};
    return start_containers_unit();
}

}  // namespace

Result<> put_among_monitors(pid_t pid, const HostFacts& facts) {
    std::string group = facts.group_parent + "/monitors";
    std::vector<std::string> dirs;
    if (facts.cgroup_mode == CgroupMode::v1) dirs = v1_cgroup_dirs(facts, group);
    if (facts.cgroup_mode == CgroupMode::v2) dirs = {v2_cgroup_dir(facts, group)};
    for (const std::string& dir : dirs) {
        TRY(ensure_parent(facts, dir));
        // Who makes the group above enables its controllers: see create_cgroups().
        if (facts.cgroup_mode == CgroupMode::v2 && !sys::exists(dir.substr(0, dir.rfind('/'))))
            TRY(enable_for(Plan{}, dir, facts));
        if (!sys::exists(dir)) TRY(make_group(facts, dir));
        TRY(sys::write_knob(dir + "/cgroup.procs", std::to_string(pid)));
    }
    return {};
}

Result<> create_cgroups(const Plan& plan, const HostFacts& facts, Undo& undo) {
    if (plan.cgroup_dirs.empty()) return {};
    const std::string& first = plan.cgroup_dirs.front();
    TRY(ensure_parent(facts, first));
    if (facts.cgroup_mode == CgroupMode::v2 &&
        (needs_unusual_controllers(plan) || !sys::exists(first.substr(0, first.rfind('/')))))
        TRY(enable_for(plan, first, facts));
    for (const auto& dir : plan.cgroup_dirs) {
        if (is_beside_v1(facts, dir)) TRY(enable_for(plan, dir, facts));
        TRY(make_group(facts, dir));
        undo.add([dir] { return sys::remove_cgroup_dir(dir); });
    }
    TRY(write_limits(plan, facts));
    if (facts.cgroup_mode == CgroupMode::v2 && !facts.user_namespace) {
        std::vector<sys::DeviceRule> rules;
        for (const auto& rule : plan.device_rules)
            rules.push_back({rule.allow, rule.type.empty() ? 'a' : rule.type[0],
                             rule.major.value_or(-1), rule.minor.value_or(-1), rule.access});
        TRY(sys::attach_device_program(plan.cgroup_dirs.front(), rules));
    }
    return {};
}

Result<sys::UniqueFd> open_cgroup(const Plan& plan, const HostFacts& facts) {
    if (facts.cgroup_mode != CgroupMode::v2 || plan.cgroup_dirs.empty()) return sys::UniqueFd();
    return sys::open(plan.cgroup_dirs.front(), sys::kPath | sys::kDirectory);
}

std::vector<std::string> group_dirs(const std::string& cgroups_path, const HostFacts& facts) {
    switch (facts.cgroup_mode) {
        case CgroupMode::none: return {};
        case CgroupMode::v1: {
            auto dirs = v1_cgroup_dirs(facts, cgroups_path);
            for (auto& dir : existing_limit_dirs(cgroups_path, facts)) dirs.push_back(dir);
            return dirs;
        }
        case CgroupMode::v2: return {v2_cgroup_dir(facts, cgroups_path)};
    }
    return {};
}

namespace {

// "name value" lines.
std::int64_t read_field(const std::string& path, std::string_view name) {
    auto text = sys::read_file(path, 65536);
    if (!text) return 0;
    for (const auto& line : split(*text, '\n')) {
        auto parts = split(line, ' ');
        if (parts.size() == 2 && parts[0] == name) return parse_int(parts[1]).value_or(0);
    }
    return 0;
}

CgroupUsage usage_v1(const HostFacts& facts, const std::string& path) {
    CgroupUsage usage;
    auto in = [&](std::string_view controller) {
        for (const auto& [name, mount] : facts.cgroup_mounts)
            if (name == controller) return mount + path;
        return std::string();
    };
    usage.memory_current = read_number(in("memory") + "/memory.usage_in_bytes");
    usage.memory_peak = read_number(in("memory") + "/memory.max_usage_in_bytes");
    usage.oom_kills = read_field(in("memory") + "/memory.oom_control", "oom_kill");
    usage.limit_hits = read_number(in("memory") + "/memory.failcnt");
    usage.cpu_usage_ns = read_number(in("cpuacct") + "/cpuacct.usage");
    usage.periods = read_field(in("cpu") + "/cpu.stat", "nr_periods");
    usage.pids_refused = read_field(in("pids") + "/pids.events", "max");
    usage.throttled_periods = read_field(in("cpu") + "/cpu.stat", "nr_throttled");
    usage.throttled_ns = read_field(in("cpu") + "/cpu.stat", "throttled_time");
    usage.pids = read_number(in("pids") + "/pids.current");
    return usage;
}

CgroupUsage usage_v2(const std::string& dir) {
    CgroupUsage usage;
    usage.memory_current = read_number(dir + "/memory.current");
    usage.memory_peak = read_number(dir + "/memory.peak");
    usage.oom_kills = read_field(dir + "/memory.events", "oom_kill");
    usage.limit_hits = read_field(dir + "/memory.events", "max");
    usage.cpu_usage_ns = read_field(dir + "/cpu.stat", "usage_usec") * 1000;
    usage.periods = read_field(dir + "/cpu.stat", "nr_periods");
    usage.pids_refused = read_field(dir + "/pids.events", "max");
    usage.throttled_periods = read_field(dir + "/cpu.stat", "nr_throttled");
    usage.throttled_ns = read_field(dir + "/cpu.stat", "throttled_usec") * 1000;
    usage.pids = read_number(dir + "/pids.current");
    return usage;
}

}  // namespace

Result<CgroupUsage> read_usage(const std::string& cgroups_path, const HostFacts& facts) {
    TRY(check_cgroups_path(cgroups_path));
    if (facts.cgroup_mode == CgroupMode::none)
        return fail(Code::unsupported, "this host has no cgroups that can be read");
    auto dirs = group_dirs(cgroups_path, facts);
    if (dirs.empty() || !sys::exists(dirs.front()))
        return fail(Code::not_found, "no such cgroup: " + cgroups_path);
    return facts.cgroup_mode == CgroupMode::v1 ? usage_v1(facts, cgroups_path)
                                               : usage_v2(dirs.front());
}

}  // namespace crank::runtime
