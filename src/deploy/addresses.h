// Addresses of a project's services on its networks (network/service.h, decision 49). Internal.
#pragma once

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
    // What comes to the service is led to these of its containers.
    Result<void> lead(const std::string& service,
                      const std::vector<engine::Container>& containers) const;
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
    Result<void> put(const Place& place,
                     const std::optional<std::vector<network::ServiceBackend>>& backends) const;

    const World& world_;
    mutable std::optional<std::vector<std::string>> dropping_;  // chains, once looked at
};

}  // namespace crank::deploy
