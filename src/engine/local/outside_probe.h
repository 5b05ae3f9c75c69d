// A probe that needs nothing in the image: crank connects to the worker, from the worker's network
// namespace and to its own address, as its clients reach it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "engine/health_state.h"
#include "engine/state.h"
#include "sys/unique_fd.h"

namespace crank::engine::local {

// TLS is crank-net's: it is handed the connection. Errors: of crank's own work alone; whatever the
// worker does is a result.
Result<ProbeResult> run_outside_probe(const Container& container, const HealthCheck& check);

// Whether it takes connections on a TCP port.
enum class Accepts : std::uint8_t { no, from_itself_alone, yes };
Result<Accepts> accepts(const Container& container, std::uint16_t port);
// A HEAD of "/" that is under way, for who looks again and again.
class HttpQuestion {
public:
    enum class Answer : std::uint8_t { none_yet, http, other, closed };
    static Result<HttpQuestion> ask(const Container& container, std::uint16_t port);
    // Errors: of crank's own work alone.
    Result<Answer> look(std::chrono::milliseconds patience);

private:
    sys::UniqueFd connection_;
    std::string bytes_;
};
// Whether it answers one as an HTTP server, whatever it says, within half a second.
Result<bool> answers_http(const Container& container, std::uint16_t port);

}  // namespace crank::engine::local
