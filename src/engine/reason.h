// Why a container is as it is: pure, from what was recorded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/state.h"

namespace crank::engine {

enum class Cause : std::uint8_t {
    starting,
    created,
    running,
    finished,     // ended by itself with 0
    failed,       // ended by itself with another code
    stopped,      // a command of crank's, or Ctrl-C at one
    unhealthy,    // its health check failed, and --on-unhealthy ended it
    oom,          // the kernel killed it at its own memory limit
    machine_oom,  // the kernel killed it because the machine had no memory left
    refused,      // its system call filter ended it
    fault,        // of the program: SIGSEGV and its kin
    signal,       // sent by somebody else
    lost,         // nobody saw the end
};
std::string_view cause_word(Cause cause);

struct Reason {
    Cause cause = Cause::running;
    std::string brief;  // a few words behind an exit code; empty where there is no more to say
    std::string text;   // one sentence
    // Of other things that happened: "a child was killed", limits that were met.
    std::vector<std::string> notes;
};
Reason explain(const Container& container);

// What to type next.
std::vector<std::string> next_commands(const Container& container, const Reason& reason);

// "40 of 100 periods (40%), 3.2s"; empty where nothing was throttled or nothing is limited.
std::string throttling_text(std::int64_t throttled_periods, std::optional<std::int64_t> periods,
                            std::int64_t throttled_ns);

}  // namespace crank::engine
