// Users and groups of an image: /etc/passwd and /etc/group as text, which are hostile input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::engine::local {

struct ResolvedUser {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> additional_gids;  // ascending, each once
    std::string home = "/";
};

// `user` as Docker takes it: "", NAME, UID, NAME:GROUP, UID:GID, UID:GROUP. A name must stand in
// the file; a number need not (its group is then 0, its home "/"). With a group given the
// supplementary groups of the user are left out. Lines that are malformed are passed over. Errors:
// not_found ("no user x in the image"), invalid_argument (a number out of range).
Result<ResolvedUser> resolve_user(std::string_view user, std::string_view passwd,
                                  std::string_view group);

}  // namespace crank::engine::local
