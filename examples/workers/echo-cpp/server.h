// The listener, the poller and the end.
#pragma once

#include <cstdint>

namespace echo {

// Serves on `port` of every address until SIGTERM or SIGINT, then answers what is under way for at
// most eight seconds (`stop` waits ten). The exit status of the program; what went wrong is said
// on stderr.
int serve(std::uint16_t port);

// Asks the server on this machine's `port` for /health: 0 where it answers 200.
int probe(std::uint16_t port);

}  // namespace echo
