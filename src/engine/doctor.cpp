#include "engine/doctor.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "engine/egress.h"
#include "engine/rootless.h"
#include "network/forwarding.h"
#include "sys/file.h"
#include "sys/landlock.h"
#include "sys/mount.h"
#include "sys/system.h"
#include "sys/user_namespace.h"

namespace crank::engine {
namespace {

constexpr std::size_t kMaxText = 1 << 16;

std::string read(const char* path) {
    return std::string(trim(sys::read_file(path, kMaxText).value_or("")));
}

Check good(std::string name, std::string found, std::string why) {
    return {std::move(name), Health::ok, std::move(found), std::move(why), ""};
}

// By making a user namespace, without entering it.
Check check_rights(const runtime::HostFacts& host) {
    std::string why = "containers are made by root, or by a user who is root of a user namespace";
    if (host.root) return good("rights", "root", why);
    std::string user = "user " + std::to_string(sys::effective_uid());
    if (auto space = sys::create_user_namespace(own_maps()); !space)
        return {"rights", Health::missing, user + ": " + space.error().text(), why,
                space.error().hint() +
                    "; as root: sudo crank ...; a plain process: crank run "
                    "--native -- COMMAND"};
    if (read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1")
        return {"rights", Health::warning, user + ", and AppArmor takes rights from namespaces",
                why,
                "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile that "
                "allows crank to make them"};
    return good("rights", user + ", in a user namespace", why);
}

Check check_kernel() {
    std::string release = sys::kernel_info().release;
    std::string why = "mounts are made and changed by descriptor (mount_setattr)";
    if (is_kernel_at_least(release, 5, 12)) return good("kernel", "Linux " + release, why);
    return {"kernel", Health::missing, "Linux " + release, why,
            "Linux 5.12 or newer; Debian 12 has 6.1"};
}

Check check_shim(const runtime::HostFacts& host) {
    std::string why = "it starts containers and watches them";
    if (sys::exists(host.shim_path)) return good("crank-shim", host.shim_path, why);
    return {"crank-shim", Health::missing, "not at " + host.shim_path, why,
            "install crank whole: ./dev install"};
}

std::vector<std::string> controllers_of(const runtime::HostFacts& host) {
    std::vector<std::string> names = host.v2_controllers;
    if (host.cgroup_mode == runtime::CgroupMode::v1)
        for (const auto& [controller, mount] : host.cgroup_mounts) names.push_back(controller);
    // v2 has no controller for devices: a program of the kernel's does it.
    if (host.cgroup_mode == runtime::CgroupMode::v2 && !host.user_namespace)
        names.emplace_back("devices");
    return names;
}

std::vector<Check> check_cgroups(const runtime::HostFacts& host) {
    std::vector<Check> checks;
    std::string why = "containers are found, counted and ended by their group";
    using runtime::CgroupMode;
    if (host.cgroup_mode == CgroupMode::none) {
        if (host.root)
            checks.push_back({"cgroups", Health::missing, "no hierarchy is mounted", why,
                              "mount -t cgroup2 cgroup2 /sys/fs/cgroup"});
        else
            checks.push_back({"cgroups", Health::warning,
                              "none that this user may write: --cpus, --memory and --pids-limit "
                              "are refused",
                              why, "sudo crank run, or --limits=best-effort"});
        return checks;
    }
    bool v1 = host.cgroup_mode == CgroupMode::v1;
    checks.push_back(good(
        "cgroups",
        v1 ? (host.unified_mount.empty() ? "version 1" : "version 1 and 2 (hybrid)") : "version 2",
        why));
    std::vector<std::string> names = controllers_of(host);
    constexpr std::array<std::pair<const char*, const char*>, 4> kWanted{
        {{"cpu", "--cpus"},
         {"memory", "--memory"},
         {"pids", "--pids-limit, and a worker that forks without end"},
         {"devices", "a container uses the devices it is given and no others"}}};
    for (const auto& [name, use] : kWanted) {
        std::string title = std::string("cgroup ") + name;
        if (std::ranges::find(names, name) != names.end()) {
            checks.push_back(good(title, "usable", use));
            continue;
        }
        checks.push_back({title, Health::warning, "no such controller", use,
                          std::string(v1 ? "mount -t cgroup -o " : "echo +") + name +
                              (v1 ? std::string(" cgroup /sys/fs/cgroup/") + name
                                  : std::string(" >/sys/fs/cgroup/cgroup.subtree_control"))});
    }
    return checks;
}

Check check_namespaces() {
    std::string absent, why = "a container's own view of the machine";
    for (const char* name : {"mnt", "pid", "net", "ipc", "uts", "cgroup", "user", "time"})
        if (!sys::exists(std::string("/proc/self/ns/") + name))
            absent += (absent.empty() ? "" : ", ") + std::string(name);
    if (absent.empty())
        return good("namespaces", "mnt, pid, net, ipc, uts, cgroup, user, time", why);
    return {"namespaces", Health::missing, "the kernel has none of " + absent, why,
            "a kernel with CONFIG_NAMESPACES and its parts, as distributions have it"};
}

Check check_user_namespaces() {
    std::string why = "containers whose root is nobody on the host, and builds without root";
    std::string most = read("/proc/sys/user/max_user_namespaces");
    std::string others = read("/proc/sys/kernel/unprivileged_userns_clone");
    if (most == "0")
        return {"user namespaces", Health::warning, "none may be made", why,
                "sysctl user.max_user_namespaces=15000"};
    if (others == "0")
        return {"user namespaces", Health::warning, "root alone may make them", why,
                "sysctl kernel.unprivileged_userns_clone=1"};
    return good("user namespaces", most.empty() ? "usable" : "at most " + most, why);
}

Check check_seccomp() {
    std::string why = "system calls that a worker does not need are refused";
    std::string actions = read("/proc/sys/kernel/seccomp/actions_avail");
    if (actions.find("kill_process") != std::string::npos &&
        actions.find("errno") != std::string::npos)
        return good("seccomp", actions, why);
    return {"seccomp", Health::missing, actions.empty() ? "no filters" : actions, why,
            "a kernel with CONFIG_SECCOMP_FILTER, as distributions have it"};
}

Check check_overlay() {
    std::string why = "an image's layers are mounted, not copied";
    std::string list = read("/proc/filesystems");
    if (("\n" + list + "\n").find("\toverlay\n") != std::string::npos)
        return good("overlayfs", "the kernel has it", why);
    return {"overlayfs", Health::missing, "not in /proc/filesystems", why, "modprobe overlay"};
}

// By doing it, on nothing.
Check check_mapped_mounts(const runtime::HostFacts& host) {
    Check check = good("id-mapped mounts", "usable", "files keep their owners in a user namespace");
    if (!host.root) {
        check.found = "of no use to an ordinary user";
        return check;
    }
    auto attempt = []() -> Result<> {
        constexpr std::uint32_t kFirst = 100000, kCount = 65536;
        std::vector<sys::IdRange> range{{0, kFirst, kCount}};
        sys::UniqueFd space = TRY(sys::create_user_namespace({range, range}));
        sys::UniqueFd mount = TRY(sys::clone_mount("/usr", false));
        return sys::map_mount_ids(mount.get(), space.get(), false, "/usr");
    };
    if (auto done = attempt(); !done) {
        check.health = Health::warning;
        check.found = done.error().text();
        check.remedy = "Linux 5.12, and a file system that can be mapped: ext4, xfs, btrfs, tmpfs";
    }
    return check;
}

Check check_sub_ids() {
    std::string why = "the ids of a user's containers and builds without root";
    if (sys::effective_uid() == 0) return good("subordinate ids", "root needs none", why);
    constexpr std::int64_t kEnough = 65536;
    SubIds ids = own_sub_ids();
    auto count = [](const std::vector<sys::IdRange>& ranges) {
        std::int64_t all = 0;
        for (const sys::IdRange& range : ranges) all += range.count;
        return all;
    };
    std::int64_t uids = count(ids.uids), gids = count(ids.gids);
    std::string found =
        std::to_string(uids) + " in /etc/subuid, " + std::to_string(gids) + " in /etc/subgid";
    if (uids < kEnough || gids < kEnough)
        return {"subordinate ids", Health::warning, found, why,
                "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + ids.user +
                    ", with numbers that nobody else has"};
    for (const char* helper : {"/usr/bin/newuidmap", "/usr/bin/newgidmap"})
        if (!sys::exists(helper))
            return {"subordinate ids", Health::warning, std::string(helper) + " is not installed",
                    why, "apt install uidmap"};
    return good("subordinate ids", found, why);
}

// An ordinary user's instead of the host's forwarding.
Check check_way_out() {
    std::string why = "containers of an ordinary user reach other machines";
    std::string obstacle = egress_obstacle();
    if (obstacle.empty()) return good("way out", "pasta", why);
    return {"way out", Health::warning, obstacle, why,
            "apt install passt; sudo chmod 666 /dev/net/tun; or --network host"};
}

Check check_landlock() {
    std::string why = "crank-net, which reads what registries send, sees no files but its own";
    int version = sys::landlock_version();
    if (version > 0) return good("landlock", "version " + std::to_string(version), why);
    return {"landlock", Health::warning, "the kernel has none, or it is switched off", why,
            "add landlock to lsm= on the kernel's command line"};
}

Check check_forwarding() {
    std::string why = "containers on a bridge reach other machines";
    auto on = network::is_forwarding();
    if (on && *on) return good("ip forwarding", "on", why);
    if (on) return good("ip forwarding", "off; crank switches it on for its first bridge", why);
    return {"ip forwarding", Health::missing, on.error().text(), why,
            "mount /proc with its sys directory; without a bridge: --network host"};
}

}  // namespace

std::string_view name_of(Health health) {
    switch (health) {
        case Health::ok: return "ok";
        case Health::warning: return "warning";
        case Health::missing: return "missing";
    }
    return "";
}

bool is_kernel_at_least(std::string_view release, int major, int minor) {
    int has_major = 0, has_minor = 0;
    const char* end = release.data() + release.size();
    auto [rest, error] = std::from_chars(release.data(), end, has_major);
    if (error != std::errc()) return false;
    if (rest != end && *rest == '.') std::from_chars(rest + 1, end, has_minor);
    return has_major != major ? has_major > major : has_minor >= minor;
}

std::vector<Check> check_host(const runtime::HostFacts& host) {
    std::vector<Check> checks{check_rights(host), check_kernel(), check_shim(host)};
    for (Check& check : check_cgroups(host)) checks.push_back(std::move(check));
    checks.push_back(check_namespaces());
    checks.push_back(check_user_namespaces());
    checks.push_back(check_seccomp());
    checks.push_back(check_overlay());
    checks.push_back(check_mapped_mounts(host));
    checks.push_back(check_sub_ids());
    checks.push_back(check_landlock());
    checks.push_back(host.root ? check_forwarding() : check_way_out());
    return checks;
}

}  // namespace crank::engine
