// The host's ids of containers with a user namespace of their own: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::engine::ids {

// What one container has: its ids from 0 on are these of the host, so many.
struct Range {
    std::uint32_t uid = 0, gid = 0, size = 0;
    bool operator==(const Range&) const = default;
};

// --userns, --uidmap and --gidmap
struct Wanted {
    enum class Mode : std::uint8_t { host, automatic } mode = Mode::host;
    std::uint32_t size = 0;           // how many ids; 0: kDefaultSize
    std::optional<Range> named = {};  // these, which nobody else is kept from
    bool operator==(const Wanted&) const = default;
};
inline constexpr std::uint32_t kDefaultSize = 65536;  // all that 16 bits name, nobody's 65534 too
inline constexpr std::uint32_t kMaxSize = 64 * 65536;

// "host", "auto", "auto:size=N". Errors: invalid_argument; unsupported for podman's other modes.
Result<Wanted> parse_userns(std::string_view text);

// "0:HOST:SIZE" of either or both: one map, from the container's 0 on; of one alone the other is
// the same. Errors: invalid_argument; unsupported for several maps, and two of different sizes.
Result<Wanted> parse_id_maps(const std::vector<std::string>& users,
                             const std::vector<std::string>& groups);

// Where ranges are taken from, in blocks of `unit` ids.
struct Pool {
    std::uint32_t uid = 0, gid = 0, unit = 0, blocks = 0;
    bool from_end = false;  // block 0 is the last one: podman takes from the beginning
    std::string source;     // for messages: "/etc/subuid and /etc/subgid (crank)"

    std::uint32_t blocks_for(std::uint32_t size) const { return (size + unit - 1) / unit; }
    bool meets(const Range& range) const;  // some id is of both
    Range range_at(std::uint32_t block, std::uint32_t size) const;
    // As it is recorded, to notice that it was changed.
    std::string text() const;
};

// Of `setting` ("START:COUNT", empty: none given), else of the files' entries for the users crank
// or containers, else one that the systems' conventions give to nobody. Errors: invalid_argument
// for a malformed setting, failed_precondition where the last one is another user's.
Result<Pool> choose_pool(std::string_view setting, std::string_view subuid,
                         std::string_view subgid);

}  // namespace crank::engine::ids
