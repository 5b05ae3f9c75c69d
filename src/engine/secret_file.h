// A file of this machine's that a container has a copy of, which lies in memory alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace crank::engine {

struct SecretFile {
    std::string source;                               // absolute; each start reads it anew
    std::string destination;                          // absolute, in the container
    std::optional<std::uint32_t> uid = {}, gid = {};  // its numbers; nothing: those of the worker
    std::uint32_t mode = 0400;
    bool operator==(const SecretFile&) const = default;
};

}  // namespace crank::engine
