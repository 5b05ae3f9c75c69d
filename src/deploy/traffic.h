// Whom a project's gateway leads to (engine/gateway.h). Internal.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "deploy/addresses.h"
#include "deploy/apply.h"
#include "engine/gateway.h"
#include "engine/lifecycle.h"

namespace crank::deploy {

// What it holds, and whom it leads to. Nothing without one, or where it does not answer.
Result<void> observe_gateway(const engine::Paths& paths, const std::string& project,
                             Observed& observed);
// Ports of the container on which it says that it takes connections.
std::set<std::uint16_t> served_ports(const engine::Record& record);

// Where it listens for that port of its service; nothing: the gateway leads to no such port of it.
std::optional<std::uint16_t> listens_on(const engine::Record& record, std::uint16_t target);

// Errors: those of engine::Gateway and of network::listen_on().
class Traffic {
public:
    explicit Traffic(const World& world) : world_(world), addresses_(world) {}

    // The gateway takes the port, and is started where it does not run.
    Result<void> publish(const Step& step) const;
    Result<void> unpublish(const Step& step) const;
    // What comes for a service, to its address or its ports, goes to its containers that run, but
    // for `without`. Where that leaves none it waits for one at the gateway, and is refused at the
    // address.
    Result<void> lead(const std::string& service, const std::set<std::string>& without = {}) const;
    // One that has not proved itself gets nothing, whatever stands beside it.
    void hold_back(const std::string& id) { held_back_.insert(id); }
    void let_in(const std::string& id) { held_back_.erase(id); }
    // One that has not proved itself has a part of what comes, in percent. False: the gateway holds
    // nothing for the service.
    Result<bool> share(const std::string& service, const std::string& id, int percent) const;
    // The container gets nothing new any more, and what it is at has its time to end.
    Result<void> take_out(const engine::Container& container) const;
    // A gateway that holds no port ends.
    Result<void> end_if_unused() const;

    // The ports, of those that it says it serves, on which the container takes connections, and
    // those on which some container of the service but this one does.
    std::set<std::uint16_t> answering(const engine::Container& container) const;
    Result<std::set<std::uint16_t>> answering_beside(const std::string& service,
                                                     const std::string& id) const;
    // Whether it answers as an HTTP server on one of these that may be one's, and whether some
    // container of its service but this one does.
    bool answers_http(const std::string& id, const std::set<std::uint16_t>& ports) const;
    bool answers_http_beside(const std::string& id, const std::set<std::uint16_t>& ports) const;
    // Of these those on which it may speak HTTP.
    std::set<std::uint16_t> may_speak_http(const engine::Container& container,
                                           const std::set<std::uint16_t>& ports) const;

private:
    Result<std::vector<engine::Container>> running(const std::string& service) const;
    Result<std::vector<engine::Container>> proved(const std::string& service,
                                                  const std::set<std::string>& without) const;
    Result<void> route(const std::string& service, const std::set<std::string>& without) const;
    Result<bool> lead_once(engine::Gateway& gateway, const std::string& service,
                           const std::set<std::string>& without) const;

    const World& world_;
    Addresses addresses_;
    std::set<std::string> held_back_;  // ids
};

}  // namespace crank::deploy
