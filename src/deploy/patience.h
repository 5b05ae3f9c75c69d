// What somebody waits for takes its time, and that is told now and then. Internal.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "deploy/apply.h"
#include "engine/state.h"

namespace crank::deploy {

// For who waits long, as for a model that is loaded: after five seconds, and then every ten, a line
// with what is still missing, and the last that the container wrote.
class Patience {
public:
    using Time = std::chrono::steady_clock::time_point;
    // Until then it is waited for; nothing: for ever.
    explicit Patience(std::optional<Time> deadline) : deadline_(deadline) {}

    // At each look that found it missing: `why` says what, "it takes no connection on port 8000".
    void look(const World& world, const engine::Container& container,
              const std::function<std::string()>& why);

private:
    std::optional<Time> deadline_;
    std::optional<Time> since_;
    Time next_;
};

}  // namespace crank::deploy
