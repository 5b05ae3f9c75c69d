// The mounts of a container: the kernel's file systems, the files crank writes, the user's.
#include <algorithm>
#include <map>

#include "engine/local/secrets.h"
#include "engine/local/shared.h"
#include "engine/local/spec.h"

namespace crank::engine::local {
namespace {

std::vector<oci::Mount> default_mounts(std::int64_t shm_size) {
    return {
        {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
        {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
        {"/dev/pts",
         "devpts",
         "devpts",
         {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
        {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
        {"/dev/shm",
         "tmpfs",
         "shm",
         {"nosuid", "noexec", "nodev", "mode=1777", "size=" + std::to_string(shm_size)}},
        {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
        {"/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}},
    };
}

oci::Mount bind_mount(const std::string& source, const std::string& destination, bool read_only,
                      bool recursive = true) {
    return {destination,
            "bind",
            source,
            {recursive ? "rbind" : "bind", read_only ? "ro" : "rw", "rprivate"}};
}

// On the disk are the container's ids as the host's: what uid 1000 of the host owns, 1000 inside
// does. What is mounted below the source, too, or it would be seen by its own.
void map_ids(oci::Mount& mount, const ids::Range& range) {
    mount.uid_mappings = mapping_of(range.uid, range.size);
    mount.gid_mappings = mapping_of(range.gid, range.size);
    mount.options.emplace_back("ridmap");
}

oci::Mount secret_mount(const SpecRequest& request, std::size_t index) {
    return {request.options.secrets[index].destination,
            "bind",
            secret_place(request.own_files_dir, index),
            {"bind", "ro", "nosuid", "nodev", "noexec", "rprivate"}};
}

oci::Mount tmpfs_mount(const TmpfsMount& wanted) {
    oci::Mount mount{wanted.destination, "tmpfs", "tmpfs", {}};
    auto asked = [&](std::string_view word) {
        return std::find(wanted.options.begin(), wanted.options.end(), word) !=
               wanted.options.end();
    };
    // Docker's defaults, each of which its opposite lifts.
    if (!asked("exec")) mount.options.emplace_back("noexec");
    if (!asked("suid")) mount.options.emplace_back("nosuid");
    if (!asked("dev")) mount.options.emplace_back("nodev");
    for (const std::string& option : wanted.options)
        if (std::find(mount.options.begin(), mount.options.end(), option) == mount.options.end())
            mount.options.push_back(option);
    return mount;
}

// Parents before what is mounted inside them; otherwise as given.
void sort_by_depth(std::vector<oci::Mount>& mounts) {
    std::multimap<std::ptrdiff_t, oci::Mount> by_depth;
    for (oci::Mount& mount : mounts) {
        auto depth = std::count(mount.destination.begin(), mount.destination.end(), '/');
        by_depth.emplace(depth, std::move(mount));
    }
    mounts.clear();
    for (auto& [depth, mount] : by_depth) mounts.push_back(std::move(mount));
}

}  // namespace

std::vector<oci::Mount> make_mounts(const SpecRequest& request, std::int64_t shm_size) {
    std::vector<oci::Mount> users;
    for (const BindMount& mount : request.options.binds) {
        users.push_back(
            bind_mount(mount.source, mount.destination, mount.read_only, mount.recursive));
        // What an image brings is none of this machine's devices.
        if (mount.volume) users.back().options.emplace_back("nodev");
        for (const std::string& flag : mount.flags) users.back().options.push_back(flag);
        if (request.ids && mount.map_ids) map_ids(users.back(), *request.ids);
    }
    for (const TmpfsMount& mount : request.options.tmpfs) users.push_back(tmpfs_mount(mount));
    for (std::size_t i = 0; i < request.options.secrets.size(); ++i)
        users.push_back(secret_mount(request, i));
    sort_by_depth(users);
    auto replaced = [&](const std::string& destination) {
        return std::any_of(users.begin(), users.end(), [&](const oci::Mount& mount) {
            return mount.destination == destination;
        });
    };
    std::vector<oci::Mount> mounts;
    const std::string& ipc = request.options.settings.ipc;
    for (oci::Mount& mount : default_mounts(shm_size)) {
        bool is_shm = mount.destination == "/dev/shm";
        if (replaced(mount.destination) || (is_shm && ipc == "none")) continue;
        // Of the host's namespace the root of another user namespace can mount none.
        if (ipc == "host" && request.host.user_namespace && mount.type == "mqueue") continue;
        // Message queues are those of the namespace, wherever they are mounted.
        if (is_shm && ipc == "host")
            mounts.push_back(bind_mount(mount.destination, mount.destination, false));
        else if (is_shm && ipc.starts_with("container:"))
            mounts.push_back(
                bind_mount(request.files_dir + std::string(kSharedShm), mount.destination, false));
        else
            mounts.push_back(std::move(mount));
    }
    bool strict = request.options.sandbox == Sandbox::strict;
    // As large as /dev/shm: both count as memory.
    if (strict && !replaced("/tmp"))
        mounts.push_back(
            {"/tmp",
             "tmpfs",
             "tmpfs",
             {"nosuid", "noexec", "nodev", "mode=1777", "size=" + std::to_string(shm_size)}});
    for (const char* name : {"resolv.conf", "hostname", "hosts"}) {
        std::string destination = std::string("/etc/") + name;
        const Settings& settings = request.options.settings;
        bool left = (settings.no_hosts && destination == "/etc/hosts") ||
                    (settings.no_hostname && destination == "/etc/hostname");
        if (!left && !replaced(destination))
            mounts.push_back(bind_mount(request.files_dir + "/" + name, destination, strict));
    }
    mounts.insert(mounts.end(), users.begin(), users.end());
    return mounts;
}

}  // namespace crank::engine::local
