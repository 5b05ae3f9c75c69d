// Addresses of a project's services on its networks (network/service.h, decision 49). Internal.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "deploy/apply.h"
#include "engine/networks/definition.h"
#include "network/service.h"

namespace crank::deploy {

// Those that the project has, and whom they lead to.
Result<void> observe_addresses(const engine::Paths& paths, const std::string& project,
                               Observed& observed);

// Errors: those of network::put_service().
class Addresses {
public:
    explicit Addresses(const World& world) : world_(world) {}

    // Every service that is to have one has it, and its names; what it leads to stays. Before the
    // first container: what that resolves is what it will always be.
    Result<void> prepare() const;
    // By network's id: where the gateway listens for the service there, by its port.
    using Held = std::map<std::string, network::RelayedPorts>;
    // The gateway listens for what it is to relay, where these are to have it, and is started for
    // that. To whom it leads is to be said before lead().
    Result<Held> hold(const std::string& service,
                      const std::vector<engine::Container>& containers) const;
    // What comes to the service is led to these of its containers, or to the gateway.
    Result<void> lead(const std::string& service, const std::vector<engine::Container>& containers,
                      const Held& held) const;
    Result<void> withdraw(const Step& step) const;

private:
    struct Place {
        engine::networks::Definition network;
        network::Service service;
    };
    // Chains of the host's that drop what it is to forward.
    const std::vector<std::string>& dropping() const;
    Result<std::vector<Place>> wanted(const std::string& service) const;
    Result<std::vector<Place>> present(const std::string& service) const;
    Result<void> put(const Place& place, const network::PutOptions& options) const;
    // Whether what containers send to this host itself arrives.
    bool hears() const;
    std::set<std::uint16_t> relayed(const std::string& service,
                                    const std::vector<engine::Container>& containers,
                                    const network::Service& known) const;
    Result<network::RelayedPorts> hold_at(const Place& place,
                                          const std::set<std::uint16_t>& ports) const;
    Result<void> let_go(const std::string& address, const network::RelayedPorts& held) const;

    const World& world_;
    mutable std::optional<std::vector<std::string>> dropping_;  // chains, once looked at
    mutable std::optional<bool> hears_;
};

}  // namespace crank::deploy
