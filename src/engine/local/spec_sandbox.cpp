// What `--sandbox strict` leaves open.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "engine/local/spec.h"

namespace crank::engine::local {
namespace {

constexpr std::int64_t kMostPort = 65535;

// "8501/tcp", "8501", "8000-8010/tcp": as EXPOSE has left them in the image's configuration. What
// is no port opens none.
void add_exposed(const std::string& text, std::set<std::uint16_t>& ports) {
    std::vector<std::string> parts = split(text, '/');
    if (parts.size() > 2 || (parts.size() == 2 && to_lower(parts[1]) != "tcp")) return;
    std::vector<std::string> ends = split(parts[0], '-');
    if (ends.size() > 2) return;
    auto first = parse_int(ends.front()), last = parse_int(ends.back());
    if (!first || !last || *first < 1 || *last > kMostPort) return;
    for (std::int64_t port = *first; port <= *last; ++port)
        ports.insert(static_cast<std::uint16_t>(port));
}

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
    std::set<std::uint16_t> ports;
    for (const auto* published : {&request.options.ports, &request.options.gateway_ports})
        for (const network::PortSpec& port : *published) ports.insert(port.container_port);
    for (const std::string& exposed : request.image.config.exposed_ports)
        add_exposed(exposed, ports);
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
