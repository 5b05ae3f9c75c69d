// Files of this machine's that a container or a native worker has: secrets, copies that lie in
// memory alone, and what a native worker has of configs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace crank::engine {

struct SecretFile {
    std::string source;  // absolute; each start reads it anew
    // Absolute, in the container; of a native worker its name in the directory of its secrets.
    std::string destination;
    std::optional<std::uint32_t> uid = {}, gid = {};  // its numbers; nothing: those of the worker
    std::uint32_t mode = 0400;
    bool operator==(const SecretFile&) const = default;
};

struct ConfigLink {
    std::string source;  // absolute
    std::string name;    // in the directory of its configs
    bool operator==(const ConfigLink&) const = default;
};

}  // namespace crank::engine
