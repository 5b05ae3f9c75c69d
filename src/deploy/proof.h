// Whether a new container is fit to get what comes: for who looks again and again. Internal.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "deploy/apply.h"
#include "deploy/patience.h"
#include "deploy/speaking.h"
#include "deploy/traffic.h"
#include "deploy/wait.h"

namespace crank::deploy {

// It takes connections on each of these ports that it publishes, and on those that it exposes:
// where it does on one, the others have a while, and are warned of.
class Answering {
public:
    using Time = std::chrono::steady_clock::time_point;
    // Which of the ports that it publishes. Where nobody has shown yet that it answers on them, one
    // that is never used (a debugger's) is no failure: what is missing is warned of.
    enum class Needs : std::uint8_t { each, one, none };
    // `what` begins the error.
    Answering(const World& world, const Traffic& traffic, std::string id,
              std::set<std::uint16_t> ports, std::string what, Time deadline,
              Needs needs = Needs::each)
        : world_(&world),
          traffic_(&traffic),
          id_(std::move(id)),
          ports_(std::move(ports)),
          what_(std::move(what)),
          deadline_(deadline),
          needs_(needs),
          patience_(deadline) {}

    // True: it does. Errors: deadline_exceeded; failed_precondition where it ends, or listens to
    // itself alone.
    Result<bool> look();

private:
    // A port, or one of several.
    struct Awaited {
        std::set<std::uint16_t> ports;
        Time deadline;
        bool exposed = false;
        int by_itself = 0;  // looks, one behind the other
    };
    Result<void> begin();
    Result<bool> look_at(Awaited& awaited);
    Result<bool> look_at_one(Awaited& awaited, std::uint16_t port);
    void tell_missing(const engine::Container& container, const std::string& where);
    bool is_missing(const Awaited& awaited, const Result<bool>& answers) const;
    void warn_of(std::uint16_t port) const;

    const World* world_;
    const Traffic* traffic_;
    std::string id_;
    std::set<std::uint16_t> ports_;
    std::string what_;
    Time deadline_;
    Needs needs_;
    bool begun_ = false;
    std::optional<Time> exposed_until_;
    std::deque<Awaited> left_;
    Patience patience_;
};

// It goes on, is healthy where it has a health check, and answers where others do: without a check
// also requests, where those of others are answered. An answer of a server of HTTP says more than
// half a second of life does.
class Proof {
public:
    // From now on for the service's budget.
    Proof(const World& world, const Traffic& traffic, const std::string& service,
          const std::string& id, const std::set<std::uint16_t>& ports, const std::string& what);
    // True: it has proved itself. Errors: as Answering and Waiting.
    Result<bool> look();

private:
    enum class Phase : std::uint8_t { begins, answers, speaks, lives, still_answers };

    const World* world_;
    std::string id_;
    Phase phase_ = Phase::begins;
    Answering answering_, again_;
    Speaking speaking_;
    Waiting waiting_;
};

// Until each container that is there takes connections on one of the ports that it publishes; where
// a health check says that it is well it may be none. Errors: as Answering::look(), cancelled.
Result<void> wait_answering(const World& world, Deadline deadline);

}  // namespace crank::deploy
