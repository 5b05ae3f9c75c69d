#include "engine/local/own_way.h"

#include <endian.h>

#include "engine/egress.h"
#include "engine/pasta_options.h"
#include "sys/file.h"
#include "sys/ipv4.h"
#include "sys/stdin_pipe.h"

namespace crank::engine::local {
namespace {

constexpr std::uint32_t kLoopback = 0x7f000001;  // 127.0.0.1

}  // namespace

std::string way_of(const Paths& paths, const std::string& id) { return paths.monitor(id) + "/way"; }

Result<> lead_out_alone(const StartRequest& request, Record& record, NetworkPlan& plan,
                        Undo& undo) {
    if (request.options.network != NetworkMode::pasta) return {};
    const std::vector<std::string>& options = request.options.settings.pasta_options;
    std::string link = way_of(request.paths, record.id);
    undo.add([link] { return sys::remove_tree(link); });
    plan.own = TRY(plan.made_namespace.get());
    // The monitor lives there, and connects to the published ports from there.
    plan.home = TRY(sys::duplicate(plan.own.get()));
    plan.bridge.home = plan.home.get();
    OwnWay way = TRY(lead_out(plan.own.get(), options, link));
    record.network.address = way.address;
    record.network.prefix = way.prefix;
    record.network.gateway = way.gateway;
    plan.resolver = resolver_of(options);
    if (!way.address6.empty()) plan.more_addresses.push_back(way.address6);
    if (plan.resolver.empty() && request.options.settings.dns.empty())
        record.warnings.emplace_back(
            "names will not resolve in the container: it has IPv6 alone, and no name server is "
            "named (--network pasta:-6,--dns-forward,ADDRESS, or --dns)");
    // Of one without IPv4, by its loopback.
    auto address = sys::parse_ipv4(way.address).value_or(sys::Ipv4{kLoopback});
    for (const PublishedPort& port : record.ports)
        plan.targets.push_back(
            {htobe32(address.value), port.container_port, port.protocol == "udp"});
    return {};
}

}  // namespace crank::engine::local
