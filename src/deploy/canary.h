// The first new container of a change, which a part of the requests reaches. Internal.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "deploy/apply.h"
#include "deploy/traffic.h"
#include "deploy/watch.h"
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

// It has its share for its time: for who looks again and again. Nothing to do where the gateway
// holds nothing for the service, which is told.
class CanaryTrial {
public:
    CanaryTrial(const World& world, const Traffic& traffic, const Step& step, std::string id)
        : world_(world), traffic_(traffic), step_(step), id_(std::move(id)) {}
    // True: its time is over, and it went well. Errors: failed_precondition, where it fails more
    // often than the others, has ended, or is unhealthy.
    Result<bool> look();

private:
    Result<bool> begin();
    Result<std::string> trouble_of() const;

    const World& world_;
    const Traffic& traffic_;
    const Step& step_;
    std::string id_, name_;
    WatchedFrom before_;
    std::optional<std::chrono::steady_clock::time_point> end_;
    std::chrono::steady_clock::time_point next_look_;
};

}  // namespace crank::deploy
