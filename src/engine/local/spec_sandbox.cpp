// What `--sandbox strict` leaves open.
#include <algorithm>

#include "engine/local/served_ports.h"
#include "engine/local/spec.h"

namespace crank::engine::local {
namespace {

bool is_writable(const oci::Mount& mount) {
    return std::ranges::find(mount.options, "ro") == mount.options.end();
}

}  // namespace

runtime::Confinement make_confinement(const SpecRequest& request,
                                      const std::vector<oci::Mount>& mounts) {
    runtime::Confinement confinement;
    for (const oci::Mount& mount : mounts) {
        bool kernels = mount.destination == "/proc" || mount.destination == "/sys" ||
                       mount.destination == "/sys/fs/cgroup" || mount.destination == "/dev" ||
                       mount.destination == "/dev/pts" || mount.destination == "/dev/mqueue";
        if (!kernels && is_writable(mount)) confinement.writable.push_back(mount.destination);
    }
    const auto ports = served_ports(request.image, request.options);
    confinement.bind_ports.assign(ports.begin(), ports.end());
    return confinement;
}

Result<> check_sandbox(const RunOptions& options) {
    if (options.sandbox != Sandbox::strict) return {};
    if (!wants_own_ids(options))
        return fail(Error(Code::invalid_argument,
                          "--sandbox strict with --userns=host: root in the worker would own what "
                          "the host's root owns")
                        .with_hint("leave out --userns=host, or use --sandbox default"));
    if (options.userns && options.userns->named)
        return fail(Error(Code::invalid_argument,
                          "--sandbox strict with --uidmap or --gidmap: who else has those ids, "
                          "crank cannot know, and root in the worker would own what is theirs")
                        .with_hint("--userns=auto takes ids that nobody has"));
    if (options.network == NetworkMode::host)
        return fail(Error(Code::invalid_argument,
                          "--sandbox strict with --network host: the worker would have the host's "
                          "network, local services and all")
                        .with_hint("leave out --network host, and publish ports with -p"));
    return {};
}

}  // namespace crank::engine::local
