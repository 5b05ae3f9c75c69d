// RUN --mount=type=ssh: a socket for the step alone, behind which the caller's agent answers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "sys/child.h"
#include "sys/unique_fd.h"

namespace crank::build {

// Hands bytes to and fro between whoever connects to a socket of its own and another. A step never
// gets the agent's own socket, which belongs to the caller and outlives the step.
class AgentRelay {
public:
    // Listens at `path`, a new socket with this owner and mode; `agent`: the socket it stands for.
    static Result<AgentRelay> open(const std::string& path, const std::string& agent,
                                   std::uint32_t mode, std::uint32_t uid, std::uint32_t gid);
    AgentRelay(AgentRelay&&) noexcept = default;
    AgentRelay& operator=(AgentRelay&&) noexcept = default;
    ~AgentRelay();

private:
    AgentRelay() = default;
    sys::UniqueFd stop_;  // its end is the thread's
    std::thread thread_;
};

// An agent of the host's (ssh-agent) with these keys, for as long as it lives. Errors: not_found
// (no ssh-agent, no such key), invalid_argument (a key with a passphrase, or no key).
class OwnAgent {
public:
    static Result<OwnAgent> start(const std::string& directory,
                                  const std::vector<std::string>& keys);
    const std::string& socket() const { return socket_; }

private:
    std::string socket_;
    sys::Child agent_;
};

}  // namespace crank::build
