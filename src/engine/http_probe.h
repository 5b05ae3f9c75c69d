// What crank asks a worker over HTTP, and what it makes of the answer: pure. The answer is the
// worker's: hostile.
#pragma once

#include <string>
#include <string_view>

#include "engine/health_check.h"

namespace crank::engine {

inline constexpr std::size_t kMostAnswer = std::size_t{8} << 10;  // bytes that are read of one

// `address`: what is connected to.
std::string http_request(const ProbeTarget& target, std::string_view address);

struct HttpVerdict {
    bool passed = false;
    std::string text;  // "200 OK"; what is wrong, and of a failure what the body begins with
};
// The first bytes of an answer. A status from 200 to 399 passes, as Kubernetes has it; redirects
// are not followed.
HttpVerdict judge_http(std::string_view answer);

}  // namespace crank::engine
