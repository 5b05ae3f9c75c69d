// Published ports in plans: which the project's gateway is to hold. Internal, pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "deploy/plan.h"

namespace crank::deploy {

// "web:8000", and apart.
std::string target_of(const std::string& service, std::uint16_t port);
std::string service_of(const std::string& target);
std::uint16_t port_of(const std::string& target);

// Errors: invalid_argument (two services publish one port).
Result<void> check_ports(const Desired& desired);
// What the gateway holds and nobody wants any more; orphans keep theirs while they stay.
std::vector<Step> unpublished(const Desired& desired, const Observed& observed,
                              bool remove_orphans);
// What it does not hold yet.
std::vector<Step> published(const DesiredService& service, const Observed& observed);
// Where what comes for the service goes elsewhere than to its containers that run: what a killed
// command or gateway left. Nothing where it is as it is to be.
std::vector<Step> led_elsewhere(const DesiredService& service, const Observed& observed);
// A port that the container's own monitor has and the gateway is to hold: "8080". Empty: none.
std::string port_of_its_own(const DesiredService& service, const ObservedContainer& container);

}  // namespace crank::deploy
