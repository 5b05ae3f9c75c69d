// What the monitor asks of the cgroup once the container has ended: it is the only one that still
// has it then. The names are those that read_end (records.cpp) knows.
#include "runtime/builder.h"

namespace crank::runtime {
namespace {

struct Question {
    const char *controller, *name, *file, *field;
};

// Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst. `oom_kills` counts what was killed in this
// group, for whatever want of memory; `limit_hits` how often the group's own limit was met.
constexpr Question kV1[] = {
    {"memory", "oom_kills", "memory.oom_control", "oom_kill"},
    {"memory", "limit_hits", "memory.failcnt", ""},
    {"memory", "memory_peak", "memory.max_usage_in_bytes", ""},
    {"cpu", "periods", "cpu.stat", "nr_periods"},
    {"cpu", "throttled_periods", "cpu.stat", "nr_throttled"},
    {"cpu", "throttled_ns", "cpu.stat", "throttled_time"},
    {"cpuacct", "cpu_ns", "cpuacct.usage", ""},
    {"pids", "pids_refused", "pids.events", "max"},
};
constexpr Question kV2[] = {
    {"", "oom_kills", "memory.events", "oom_kill"},
    {"", "limit_hits", "memory.events", "max"},
    {"", "memory_peak", "memory.peak", ""},
    {"", "periods", "cpu.stat", "nr_periods"},
    {"", "throttled_periods", "cpu.stat", "nr_throttled"},
    {"", "throttled_us", "cpu.stat", "throttled_usec"},
    {"", "cpu_us", "cpu.stat", "usage_usec"},
    {"", "pids_refused", "pids.events", "max"},
};

}  // namespace

std::vector<CgroupFact> end_facts(const HostFacts& facts, const std::string& cgroups_path) {
    std::vector<CgroupFact> all;
    if (facts.cgroup_mode == CgroupMode::none || cgroups_path.empty()) return all;
    if (facts.cgroup_mode == CgroupMode::v2) {
        for (const Question& q : kV2)
            all.push_back({q.name, v2_cgroup_dir(facts, cgroups_path) + "/" + q.file, q.field});
        return all;
    }
    for (const Question& q : kV1)
        for (const auto& [name, mount] : facts.cgroup_mounts)
            if (name == q.controller)
                all.push_back({q.name, mount + cgroups_path + "/" + q.file, q.field});
    return all;
}

}  // namespace crank::runtime
