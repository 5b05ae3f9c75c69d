#include "runtime/oci/control.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iterator>
#include <thread>

#include "base/text.h"
#include "runtime/builder.h"
#include "runtime/cgroup.h"
#include "runtime/runtime.h"
#include "sys/cgroup.h"
#include "sys/child.h"
#include "sys/file.h"

namespace crank::runtime::oci_verbs {
namespace {

constexpr std::chrono::milliseconds kPause{5};
constexpr int kMostPauses = 2000;

std::string freezer_file(const std::string& path, const HostFacts& facts) {
    std::string dir = group_dir("freezer", path, facts);
    if (dir.empty()) return "";
    return dir + (facts.cgroup_mode == CgroupMode::v2 ? "/cgroup.freeze" : "/freezer.state");
}

// Where the kernel says that everything has stopped.
bool has_frozen(const std::string& path, const HostFacts& facts) {
    if (facts.cgroup_mode == CgroupMode::v2) {
        auto text = sys::read_file(group_dir("", path, facts) + "/cgroup.events", 4096);
        return text && text->find("frozen 1") != std::string::npos;
    }
    auto text = sys::read_file(freezer_file(path, facts), 64);
    return text && trim(*text) == "FROZEN";
}

}  // namespace

bool is_frozen(const std::string& cgroups_path, const HostFacts& facts) {
    std::string file = freezer_file(cgroups_path, facts);
    if (file.empty()) return false;
    auto text = sys::read_file(file, 64);
    if (!text) return false;
    return trim(*text) == (facts.cgroup_mode == CgroupMode::v2 ? "1" : "FROZEN");
}

Result<> set_frozen(const std::string& cgroups_path, bool frozen, const HostFacts& facts) {
    std::string file = cgroups_path.empty() ? std::string() : freezer_file(cgroups_path, facts);
    if (file.empty())
        return fail(Code::unsupported, "the container has no cgroup that could be frozen");
    bool v2 = facts.cgroup_mode == CgroupMode::v2;
    std::string word = v2 ? (frozen ? "1" : "0") : (frozen ? "FROZEN" : "THAWED");
    TRY(sys::write_knob(file, word));
    for (int i = 0; i < kMostPauses; ++i) {
        if (has_frozen(cgroups_path, facts) == frozen) return {};
        std::this_thread::sleep_for(kPause);
        // A process that was being born while the group froze holds it in FREEZING on v1.
        if (frozen && !v2) TRY(sys::write_knob(file, word));
    }
    if (frozen) (void)sys::write_knob(file, v2 ? "0" : "THAWED");
    return fail(Code::deadline_exceeded, "the cgroup " + file + " did not become " + word);
}

void take_back(const std::string& cgroups_path, pid_t pid, const HostFacts& facts) {
    if (facts.cgroup_mode != CgroupMode::v1 || cgroups_path.empty()) return;
    std::string dir = group_dir("freezer", cgroups_path, facts);
    auto groups = sys::read_file("/proc/" + std::to_string(pid) + "/cgroup");
    if (dir.empty() || !groups) return;
    for (const auto& line : split(*groups, '\n')) {
        auto parts = split(line, ':');
        if (parts.size() != 3 || parts[1] != "freezer" || dir.ends_with(parts[2])) continue;
        // Where it is gone meanwhile nothing is left to do.
        (void)sys::write_knob(dir + "/cgroup.procs", std::to_string(pid));
    }
}

Result<std::vector<pid_t>> processes(const std::string& cgroups_path, const HostFacts& facts) {
    // Every process of a container is in each of its groups: one hierarchy will do.
    std::string dir;
    for (std::string_view controller : {"pids", "memory", "freezer", "devices", "cpu"})
        if (dir.empty()) dir = group_dir(controller, cgroups_path, facts);
    std::vector<pid_t> pids;
    sys::GroupVisit visit;
    visit.at = [&](int fd, const std::string&) -> Result<> {
        std::ranges::copy(processes_in(fd), std::back_inserter(pids));
        return {};
    };
    TRY(sys::walk_groups(dir, visit));
    std::ranges::sort(pids);
    return pids;
}

Result<> signal_group(const std::string& cgroups_path, int signal, const HostFacts& facts) {
    bool thaw = signal == SIGKILL && is_frozen(cgroups_path, facts);
    for (pid_t pid : TRY(processes(cgroups_path, facts))) {
        auto pidfd = sys::open_pidfd(pid);
        if (!pidfd) continue;  // it has just ended
        auto sent = sys::pidfd_signal(pidfd->get(), signal);
        if (!sent && sent.error().code() != Code::not_found) return sent;
    }
    if (thaw) return set_frozen(cgroups_path, false, facts);
    return {};
}

namespace {

std::int64_t number_in(const std::string& path) {
    auto text = sys::read_file(path, 4096);
    if (!text) return 0;
    // A limit near 2^63, or "max": none, which runc tells as 2^64-1; here 0 stands for none.
    return parse_int(trim(*text)).value_or(0);
}

// "name": value, of every line "name value" of the file.
std::string raw_fields(const std::string& path) {
    std::string out;
    auto text = sys::read_file(path, 65536);
    if (!text) return out;
    for (const auto& line : split(*text, '\n')) {
        auto parts = split(line, ' ');
        if (parts.size() != 2 || !parse_int(parts[1])) continue;
        out += (out.empty() ? "\"" : ",\"") + parts[0] + "\":" + parts[1];
    }
    return out;
}

std::string field(const char* name, std::int64_t value) {
    return "\"" + std::string(name) + "\":" + std::to_string(value);
}

}  // namespace

Result<std::string> stats_json(const std::string& id, const std::string& cgroups_path,
                               const HostFacts& facts) {
    CgroupUsage usage = TRY(read_usage(cgroups_path, facts));
    bool v2 = facts.cgroup_mode == CgroupMode::v2;
    std::string memory = group_dir("memory", cgroups_path, facts);
    std::string pids = group_dir("pids", cgroups_path, facts);
    std::int64_t limit = number_in(memory + (v2 ? "/memory.max" : "/memory.limit_in_bytes"));
    std::int64_t failures = v2 ? 0 : number_in(memory + "/memory.failcnt");
    // An id needs no escape (check_id).
    return R"({"type":"stats","id":")" + id + R"(","data":{"cpu":{"usage":{)" +
           field("total", usage.cpu_usage_ns) + R"(},"throttling":{)" +
           field("throttledPeriods", usage.throttled_periods) + "," +
           field("throttledTime", usage.throttled_ns) + R"(}},"memory":{"usage":{)" +
           field("limit", limit) + "," + field("usage", usage.memory_current) + "," +
           field("max", usage.memory_peak) + "," + field("failcnt", failures) + R"(},"raw":{)" +
           raw_fields(memory + "/memory.stat") + R"(}},"pids":{)" + field("current", usage.pids) +
           "," + field("limit", number_in(pids + "/pids.max")) + "}}}";
}

}  // namespace crank::runtime::oci_verbs
