// Whether a container that ends is started again (`--restart`).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace crank::engine {

struct RestartPolicy {
    enum class Kind : std::uint8_t { no, on_failure, always, unless_stopped } kind = Kind::no;
    int most = 0;  // on_failure: so many times; 0: any number
    bool operator==(const RestartPolicy&) const = default;
};

// "no", "on-failure", "on-failure:3", "always", "unless-stopped". Errors: invalid_argument.
Result<RestartPolicy> parse_restart_policy(std::string_view text);
// "on-failure"
std::string_view name_of(RestartPolicy::Kind kind);

}  // namespace crank::engine
