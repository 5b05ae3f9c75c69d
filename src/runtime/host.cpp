#include "runtime/host.h"

#include <algorithm>

#include "base/text.h"
#include "runtime/delegation.h"
#include "runtime/scope.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/own_user_namespace.h"
#include "sys/systemd.h"

namespace crank::runtime {
namespace {

struct CgroupMounts {
    std::vector<std::pair<std::string, std::string>> v1;
    std::string v2;
};

// mountinfo(5): fields 5 the mount point, after " - " type, source and super options.
void read_line(std::string_view line, CgroupMounts& mounts) {
    std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) return;
    auto tail = split(line.substr(dash + 3), ' ');
    if (tail.size() < 3 || (tail[0] != "cgroup" && tail[0] != "cgroup2")) return;
    auto head = split(line.substr(0, dash), ' ');
    if (head.size() < 6) return;
    const std::string& point = head[4];
    if (tail[0] == "cgroup2") {
        if (mounts.v2.empty()) mounts.v2 = point;
        return;
    }
    for (const auto& option : split(tail[2], ',')) {
        if (option == "rw" || option == "ro" || option == "xattr") continue;
        mounts.v1.emplace_back(option, point);
    }
}

Result<CgroupMounts> read_mounts() {
    CgroupMounts mounts;
    const std::string text = TRY(sys::read_file("/proc/self/mountinfo"));
    for (std::string_view rest = text; !rest.empty();) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        if (line.find(" - cgroup") != std::string_view::npos) read_line(line, mounts);
    }
    return mounts;
}

// Root of a user namespace owns the groups that were given to it, which the hierarchies' roots are
// in a container alone.
bool may_make_groups(const HostFacts& facts) {
    return std::ranges::all_of(facts.cgroup_mounts,
                               [](const auto& mount) { return sys::may_write(mount.second); });
}

// Of all groups those alone that were given to the user, with the controllers that came with them.
void use_delegated_groups(HostFacts& facts) {
    std::optional<Delegation> given;
    if (facts.root && facts.cgroup_mode == CgroupMode::v2)
        given = find_delegation(facts.cgroup_mounts.front().second);
    facts.cgroup_mode = given ? CgroupMode::v2 : CgroupMode::none;
    if (!given) return;
    facts.group_parent = given->parent;
    facts.delegated = given->root;
    std::string dir = facts.cgroup_mounts.front().second + given->parent;
    auto words = sys::read_file(dir + "/cgroup.subtree_control", 4096);
    facts.v2_controllers =
        words && !trim(*words).empty() ? split(trim(*words), ' ') : std::vector<std::string>();
}

std::string shim_beside(const std::string& executable) {
    std::string dir = executable.substr(0, executable.rfind('/'));
    std::string beside = dir + "/crank-shim";
    if (sys::exists(beside)) return beside;
    return dir + "/../libexec/crank/crank-shim";
}

}  // namespace

Result<HostFacts> probe_host() {
    HostFacts facts;
    CgroupMounts mounts = TRY_IN(read_mounts(), "finding the cgroup hierarchies");
    bool has_memory = std::any_of(mounts.v1.begin(), mounts.v1.end(),
                                  [](const auto& m) { return m.first == "memory"; });
    if (has_memory) {
        facts.cgroup_mode = CgroupMode::v1;
        facts.cgroup_mounts = std::move(mounts.v1);
        facts.unified_mount = mounts.v2;
    } else if (!mounts.v2.empty()) {
        facts.cgroup_mode = CgroupMode::v2;
        facts.cgroup_mounts.emplace_back("", mounts.v2);
    }
    if (!mounts.v2.empty())
        if (auto text = sys::read_file(mounts.v2 + "/cgroup.controllers"); text && !text->empty())
            facts.v2_controllers = split(trim(*text), ' ');
    if (facts.cgroup_mode == CgroupMode::v2 && sys::systemd_runs())
        facts.group_parent = "/system.slice/" + std::string(kContainersUnit);
    sys::HostInfo info = TRY(sys::host_info());
    facts.root = info.effective_uid == 0;
    sys::OwnUserNamespace own = TRY(sys::own_user_namespace());
    facts.user_namespace = !own.initial;
    facts.largest_gid = own.initial ? facts.largest_gid : own.largest_gid;
    if (!facts.root || (facts.user_namespace && !may_make_groups(facts)))
        use_delegated_groups(facts);
    facts.architecture = info.machine == "x86_64"    ? "amd64"
                         : info.machine == "aarch64" ? "arm64"
                                                     : info.machine;
    facts.cpus = info.cpus;
    facts.memory_total = info.memory_total;
    facts.open_files_limit = info.open_files_limit;
    facts.shim_path = shim_beside(TRY(sys::read_link("/proc/self/exe")));
    return facts;
}

}  // namespace crank::runtime
