// The end of a container's groups, with whatever still lives in them.
#include <chrono>
#include <csignal>
#include <thread>

#include "base/text.h"
#include "runtime/builder.h"
#include "runtime/cgroup.h"
#include "runtime/runtime.h"
#include "sys/cgroup.h"
#include "sys/child.h"
#include "sys/file.h"

namespace crank::runtime {
namespace {

constexpr std::chrono::milliseconds kPause{10};
constexpr int kMostPauses = 200, kMostThaws = 5;

Result<> kill_in(const std::string& dir) {
    sys::GroupVisit visit;
    visit.at = [](int fd, const std::string&) -> Result<> {
        for (pid_t pid : processes_in(fd))
            if (auto pidfd = sys::open_pidfd(pid)) (void)sys::pidfd_signal(pidfd->get(), SIGKILL);
        return {};
    };
    return sys::walk_groups(dir, visit);
}

// v1: also of the groups below, which the container may have frozen itself.
Result<> thaw_in(const std::string& dir) {
    sys::GroupVisit visit;
    visit.at = [](int fd, const std::string&) -> Result<> {
        auto thawed = sys::write_knob_at(fd, "freezer.state", "THAWED");
        if (!thawed && thawed.error().code() != Code::not_found) return thawed;
        return {};
    };
    return sys::walk_groups(dir, visit);
}

// Whoever forks all the time is not caught by killing what a list says: the kernel kills all at
// once, or nothing forks while they are killed.
Result<> kill_all(const std::string& dir, const HostFacts& facts) {
    if (sys::write_knob(dir + "/cgroup.kill", "1")) return {};  // v2, Linux 5.14
    if (facts.cgroup_mode == CgroupMode::v2) {
        (void)sys::write_knob(dir + "/cgroup.freeze", "1");
        auto killed = kill_in(dir);
        (void)sys::write_knob(dir + "/cgroup.freeze", "0");
        return killed;
    }
    bool freezes = static_cast<bool>(sys::write_knob(dir + "/freezer.state", "FROZEN"));
    auto killed = kill_in(dir);
    if (!freezes) return killed;
    // Whatever happens: what is frozen does not die.
    Result<> thawed;
    for (int i = 0; i < kMostThaws && (i == 0 || !thawed); ++i) thawed = thaw_in(dir);
    TRY(std::move(thawed));
    return killed;
}

Result<> remove_one(const std::string& dir, const HostFacts& facts) {
    Result<> removed;
    // The kernel lets go of a group some milliseconds after its last process is reaped.
    for (int i = 0; i < kMostPauses; ++i) {
        if (i > 0) std::this_thread::sleep_for(kPause);
        removed = kill_all(dir, facts);
        if (removed) removed = sys::remove_group_tree(dir);
        if (removed || removed.error().code() != Code::in_use) break;
    }
    return removed;
}

}  // namespace

std::vector<pid_t> processes_in(int dir_fd) {
    std::vector<pid_t> pids;
    // Gone meanwhile, or a group of threads, whose processes are in one above.
    auto text = sys::read_file_at(dir_fd, "cgroup.procs");
    if (!text) return pids;
    for (const auto& line : split(*text, '\n'))
        if (auto pid = parse_int(line); pid && *pid > 0) pids.push_back(static_cast<pid_t>(*pid));
    return pids;
}

Result<> kill_cgroups(const std::string& cgroups_path, const HostFacts& facts) {
    if (cgroups_path.empty() || facts.cgroup_mode == CgroupMode::none) return {};
    // v1: every process of a container is in each of its groups; here none can fork meanwhile.
    std::string dir = group_dir("freezer", cgroups_path, facts);
    return dir.empty() ? Result<>() : kill_all(dir, facts);
}

Result<> remove_cgroups(const std::string& cgroups_path, const HostFacts& facts) {
    TRY(check_cgroups_path(cgroups_path));
    std::vector<std::string> left;
    for (auto& dir : group_dirs(cgroups_path, facts))
        // An empty group goes at once, without a look at what is in it.
        if (sys::exists(dir) && !sys::remove_cgroup_dir(dir)) left.push_back(std::move(dir));
    if (!left.empty()) TRY(kill_cgroups(cgroups_path, facts));
    for (const auto& dir : left) TRY(remove_one(dir, facts));
    return {};
}

}  // namespace crank::runtime
