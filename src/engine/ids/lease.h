// Who has which ids: a symbolic link for each block, made exclusively, whose target is the
// container's id.
//
// A link counts while the container's directory exists, and no longer: whoever comes upon one of a
// container that is gone takes it over. So nothing that is killed leaves ids behind, and removing a
// container is what gives them back; the links are removed for tidiness.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "engine/ids/range.h"

namespace crank::engine::ids {

struct Place {
    std::string dir;         // of the links; made when it is missing
    std::string containers;  // with a directory by its id for each container that there is
};

struct Lease {
    Range range;
    std::uint32_t block = 0, blocks = 0;
    bool operator==(const Lease&) const = default;
};

// Looks where `next` says and then at random: the cost depends on how much of the pool is taken and
// not on how many containers there are. `id`'s directory must exist. Errors: exhausted;
// invalid_argument (more than the pool has); failed_precondition where the pool has changed and
// containers still have ids of the old one.
Result<Lease> take(const Place& place, const Pool& pool, std::uint32_t size, const std::string& id);
// Those of the links that are still the container's.
Result<> give_back(const Place& place, std::uint32_t block, std::uint32_t blocks,
                   const std::string& id);
std::string link_of(const Place& place, std::uint32_t block);

}  // namespace crank::engine::ids
