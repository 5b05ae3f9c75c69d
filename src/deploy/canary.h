// The first new container of a change, which a part of the requests reaches. Internal.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "deploy/apply.h"
#include "deploy/traffic.h"
#include "engine/gateway.h"

namespace crank::deploy {

// Requests, and how many of them were answered with an error.
struct Answers {
    std::uint64_t all = 0, failed = 0;
};
// Of the container, and of the others that its targets lead to. Pure.
struct Compared {
    Answers canary, others;
};
Compared compared(const engine::GatewayView& view, const std::string& id);
// What is wrong with it, a sentence without its end; empty: nothing that so few answers say.
// `errors`: percent. Pure.
std::string complaint(const Compared& answers, int errors);

// It has its share for its time. Nothing to do where the gateway holds nothing for the service,
// which is told. Errors: failed_precondition, where it fails more often than the others, has ended,
// or is unhealthy; cancelled.
Result<void> try_canary(const World& world, const Traffic& traffic, const Step& step,
                        const std::string& id);

}  // namespace crank::deploy
