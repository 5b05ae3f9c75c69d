// The keys that leave a worker's terminal without ending the worker (`--detach-keys`): pure.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace crank::engine::local {

class DetachKeys {
public:
    // "ctrl-p,ctrl-q", "a", "ctrl-@": keys behind commas; empty: none. Errors: invalid_argument.
    static Result<DetachKeys> parse(std::string_view text);
    // What of the input is the worker's. Keys that may be the beginning are held back until the
    // next ones tell.
    std::string pass(std::string_view input);
    bool detached() const { return detached_; }

private:
    std::string keys_;
    std::size_t seen_ = 0;  // of keys_
    bool detached_ = false;
};

}  // namespace crank::engine::local
