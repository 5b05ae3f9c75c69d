// What crank asks of the gateway: one JSON object a packet. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "gateway/backend.h"
#include "gateway/sniff.h"

namespace crank::gateway {

inline constexpr std::size_t kMaxRequest = 64 * 1024;

struct ListenRequest {
    std::string id, target;
    Protocol protocol = Protocol::automatic;
};
struct UnlistenRequest {
    std::string id;
};
struct RouteRequest {
    std::string target;
    std::vector<BackendSpec> backends;
    Milliseconds hold{0};
};
// A pidfd comes along: of the container's first process.
struct WatchRequest {
    std::string backend, address;
};
struct DrainRequest {
    std::string backend;
    Milliseconds grace{10'000};
};
// What its health check says of a container: one that is not well comes last.
struct JudgeRequest {
    std::string backend;
    bool well = true;
};
struct StateRequest {};
struct StopRequest {
    Milliseconds grace{10'000};
};
using ControlRequest = std::variant<ListenRequest, UnlistenRequest, RouteRequest, WatchRequest,
                                    DrainRequest, JudgeRequest, StateRequest, StopRequest>;

// invalid_argument: names the operation, the field and what is wrong with it. An unknown field is
// an error: a request that is half understood would be half done.
Result<ControlRequest> parse_control(std::string_view text);

std::string_view word_of(Protocol protocol);

}  // namespace crank::gateway
