#include "build/container.h"
#include "policy/policy.h"

namespace crank::build {

namespace {

constexpr std::string_view kHostname = "crank-build";  // the same in every build

oci::Mount bind(std::string source, std::string destination) {
    return {std::move(destination), "bind", std::move(source), {"rbind", "ro", "rprivate"}};
}

std::string shm_size_of(const ContainerRequest& request) {
    bool given = request.settings != nullptr && request.settings->shm_size;
    return given ? std::to_string(*request.settings->shm_size) : "64m";
}

std::vector<oci::Mount> mounts_of(const ContainerRequest& request, const std::string& files) {
    std::vector<oci::Mount> mounts{
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
         {"nosuid", "noexec", "nodev", "mode=1777", "size=" + shm_size_of(request)}},
        {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
        {"/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}},
    };
    for (const char* name : {"resolv.conf", "hostname", "hosts"})
        mounts.push_back(bind(files + "/" + name, std::string("/etc/") + name));
    for (const HostTrustMount& mount : request.mounts)
        mounts.push_back(bind(mount.source, mount.destination));
    mounts.insert(mounts.end(), request.step_mounts.begin(), request.step_mounts.end());
    return mounts;
}

oci::CapabilitySets capabilities_of(std::uint32_t uid) {
    oci::CapabilitySets sets;
    sets.bounding = policy::capability_names(policy::default_capabilities());
    // For others than root the kernel drops them at exec.
    if (uid == 0) sets.effective = sets.permitted = sets.bounding;
    return sets;
}

}  // namespace

oci::RuntimeSpec container_spec(const ContainerRequest& request, const std::string& id,
                                const std::string& files, const std::string& parent) {
    oci::RuntimeSpec spec;
    spec.hostname = kHostname;
    spec.process.user = {.uid = request.user.uid,
                         .gid = request.user.gid,
                         .additional_gids = request.user.groups,
                         .umask = 022};
    spec.process.args = request.argv;
    spec.process.env = request.env;
    spec.process.cwd = request.cwd;
    spec.process.capabilities = capabilities_of(request.user.uid);
    if (request.settings != nullptr) {
        spec.process.rlimits = request.settings->rlimits;
        spec.linux.resources = request.settings->resources;
    }
    spec.mounts = mounts_of(request, files);
    for (const char* type : {"mount", "pid", "ipc", "uts", "cgroup"})
        spec.linux.namespaces.push_back({type, ""});
    if (request.network != BuildRequest::Network::host)
        spec.linux.namespaces.push_back({"network", ""});
    spec.linux.cgroups_path = parent + "/" + id;
    spec.linux.rootfs_propagation = "rprivate";
    for (std::string_view path : policy::masked_paths()) spec.linux.masked_paths.emplace_back(path);
    for (std::string_view path : policy::readonly_paths())
        spec.linux.readonly_paths.emplace_back(path);
    return spec;
}

}  // namespace crank::build
