// Whether what takes connections answers, too, where it is to speak HTTP. Internal.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "deploy/apply.h"
#include "deploy/patience.h"
#include "deploy/traffic.h"
#include "engine/local/outside_probe.h"

namespace crank::deploy {

// A server may take connections long before it answers: while the processes behind its listener
// still load a model. For who looks again and again.
class Speaking {
public:
    using Time = std::chrono::steady_clock::time_point;
    enum class Says : std::uint8_t { nothing_yet, http, unknown };
    // `what` begins the error.
    Speaking(const World& world, const Traffic& traffic, std::string id,
             std::set<std::uint16_t> ports, std::string what, Time deadline)
        : world_(&world),
          traffic_(&traffic),
          id_(std::move(id)),
          ports_(std::move(ports)),
          what_(std::move(what)),
          deadline_(deadline),
          patience_(deadline) {}

    // http: it answers. unknown: neither the file nor another container of the service says that it
    // is a server of HTTP, or it answers in other words. Errors: failed_precondition where it has
    // ended; deadline_exceeded.
    Result<Says> look();

private:
    using Question = engine::local::HttpQuestion;
    struct Asked {
        std::optional<Question> question;
        Time next_ask;
    };
    Result<Question::Answer> look_at(const engine::Container& container, std::uint16_t port,
                                     Asked& asked) const;
    bool is_to_speak_http(const engine::Container& container) const;

    const World* world_;
    const Traffic* traffic_;
    std::string id_;
    std::set<std::uint16_t> ports_;
    std::string what_;
    Time deadline_;
    std::optional<Time> begun_;
    std::map<std::uint16_t, Asked> asked_;
    std::optional<bool> known_;
    Patience patience_;
};

}  // namespace crank::deploy
