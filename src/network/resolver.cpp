#include "network/resolver.h"

#include <optional>

#include "network/network.h"
#include "sys/netns.h"
#include "sys/nftables.h"
#include "sys/tcp.h"
#include "sys/udp.h"

namespace crank::network {

namespace {

constexpr const char* kTable = "crank_names";
constexpr const char* kLoopback = "127.0.0.1";  // where a redirected packet arrives
constexpr std::uint16_t kDomain = 53;
constexpr int kBacklog = 64;

Result<ResolverSockets> open_here(std::uint16_t port) {
    ResolverSockets sockets;
    sockets.udp = TRY(sys::bind_udp(kLoopback, port));
    sockets.port = TRY(sys::local_port(sockets.udp.get()));
    sockets.tcp = TRY(sys::listen_tcp(kLoopback, sockets.port, kBacklog));
    return sockets;
}

}  // namespace

Result<ResolverSockets> open_resolver(int namespace_fd, std::uint16_t port) {
    TRY(sys::bring_up_loopback(namespace_fd));
    std::optional<ResolverSockets> sockets;
    TRY(sys::run_in_network_namespace(namespace_fd, [&]() -> Result<> {
        sockets = TRY(open_here(port));
        return {};
    }));
    return std::move(*sockets);
}

Result<> lead_to_resolver(int namespace_fd, std::uint16_t port) {
    auto address = sys::parse_ipv4(kResolverAddress);
    return sys::run_in_network_namespace(namespace_fd, [&]() -> Result<> {
        auto socket = TRY(sys::NftSocket::open());
        sys::NftBatch batch;
        batch.add_table(kTable);
        batch.add_chain(kTable, "output", sys::NftHook::output_nat);
        for (std::uint8_t protocol : {sys::kUdp, sys::kTcp}) {
            sys::NftRule rule("names are answered by crank");
            rule.destination_is(*address).destination_port_is(protocol, kDomain).redirect_to(port);
            batch.add_rule(kTable, "output", rule);
        }
        return socket.apply(batch);
    });
}

}  // namespace crank::network
