// Where the processes of a container listen: for `crank why` of a port that nobody answers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/state.h"

namespace crank::engine {

struct Listener {
    std::uint16_t port = 0;
    bool loopback = false;  // reached from within its network alone
    bool operator==(const Listener&) const = default;
};
// Those that accept TCP connections, from the text of /proc/PID/net/tcp or tcp6 (proc(5)). What is
// no line of it is left out.
std::vector<Listener> parse_listeners(std::string_view table);

// Of one that runs, a sentence for each published TCP port that would not answer. `listeners`: of
// its network. Pure.
std::vector<std::string> unanswered_ports(const Record& record,
                                          const std::vector<Listener>& listeners);
// The same for what it has now; empty also where nobody can tell.
std::vector<std::string> unanswered_ports(const Container& container);

}  // namespace crank::engine
