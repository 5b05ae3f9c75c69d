#include "deploy/native_ports.h"

#include <set>

#include "deploy/desired.h"
#include "engine/lifecycle.h"
#include "oci/digest.h"
#include "sys/system.h"
#include "sys/tcp.h"

namespace crank::deploy {
namespace {

constexpr std::uint32_t kFirst = 20000, kMany = 10000;

bool is_free(std::uint16_t port) {
    // Also of one that listens on all addresses.
    return sys::listen_tcp("127.0.0.1", port, 1).has_value();
}

// Of workers that have ended, too: they may be started again.
Result<std::set<std::uint16_t>> given(const engine::Paths& paths) {
    std::set<std::uint16_t> ports;
    for (const engine::Container& container : TRY(engine::list(paths)))
        for (const engine::PublishedPort& port : container.record.gateway_ports)
            ports.insert(port.worker_port);
    return ports;
}

std::uint32_t place_of(const std::string& who) {
    auto bytes = oci::Digest::of(who + std::to_string(sys::wall_clock_ns())).bytes();
    return (bytes[0] + bytes[1] * 256U) % kMany;
}

}  // namespace

Result<std::map<std::uint16_t, std::uint16_t>> choose_ports(const engine::Paths& paths,
                                                            const compose::Service& service,
                                                            const std::string& who) {
    std::map<std::uint16_t, std::uint16_t> chosen;
    if (service.native() == nullptr || service.native()->own_ports) return chosen;
    std::set<std::uint16_t> taken = TRY(given(paths));
    std::uint32_t first = place_of(who), tried = 0;
    for (const compose::Port& port : service.ports) {
        auto target = static_cast<std::uint16_t>(port.target);
        if (!is_held(service, port) || chosen.contains(target)) continue;
        for (; tried < kMany && !chosen.contains(target); tried++) {
            auto number = static_cast<std::uint16_t>(kFirst + (first + tried) % kMany);
            if (taken.contains(number) || !is_free(number)) continue;
            chosen[target] = number;
        }
        if (!chosen.contains(target))
            return fail(Error(Code::exhausted, "services." + service.name +
                                                   ": no port from 20000 to 29999 is free for it")
                            .with_hint("ss -Hltn"));
    }
    return chosen;
}

std::vector<std::string> port_variables(const compose::Service& service,
                                        const std::map<std::uint16_t, std::uint16_t>& ports) {
    std::vector<std::string> variables;
    if (service.native() == nullptr) return variables;
    const std::string& name = service.native()->port_variable;
    for (const compose::Port& port : service.ports) {
        auto own = ports.find(static_cast<std::uint16_t>(port.target));
        if (own == ports.end()) continue;
        std::string number = std::to_string(own->second);
        if (variables.empty()) variables.push_back(name + "=" + number);
        variables.push_back(name + "_" + std::to_string(port.target) + "=" + number);
    }
    return variables;
}

}  // namespace crank::deploy
