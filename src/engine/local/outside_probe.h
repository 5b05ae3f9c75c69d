// A probe that needs nothing in the image: crank connects to the worker, from the worker's network
// namespace and to its own address, as its clients reach it.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "engine/health_state.h"
#include "engine/state.h"

namespace crank::engine::local {

// TLS is crank-net's: it is handed the connection. Errors: of crank's own work alone; whatever the
// worker does is a result.
Result<ProbeResult> run_outside_probe(const Container& container, const HealthCheck& check);

// Whether it takes connections on a TCP port.
enum class Accepts : std::uint8_t { no, from_itself_alone, yes };
Result<Accepts> accepts(const Container& container, std::uint16_t port);
// Whether it answers a HEAD of "/" as an HTTP server, whatever it says, within half a second.
Result<bool> answers_http(const Container& container, std::uint16_t port);

}  // namespace crank::engine::local
