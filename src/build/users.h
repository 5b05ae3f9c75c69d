// Names of users and groups in an image: /etc/passwd and /etc/group as text. Hostile input: lines
// that do not fit the format are skipped, as the C library does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::build {

struct UserFiles {
    std::string passwd, group;  // contents; empty where the image has none
};

struct UserEntry {
    std::uint32_t uid = 0, gid = 0;
    std::vector<std::uint32_t> groups;  // supplementary, sorted, without gid
    std::string home = "/";
    bool operator==(const UserEntry&) const = default;
};

// USER and `docker run -u`: "name", "uid", "name:group", "uid:gid"; empty is root. A uid that no
// line names gets gid 0 and home "/"; with an explicit group there are no supplementary ones.
// Errors: not_found (a name that no line has), invalid_argument (malformed, out of range).
Result<UserEntry> resolve_user(std::string_view user, const UserFiles& files);

struct Owner {
    std::uint32_t uid = 0, gid = 0;
    bool operator==(const Owner&) const = default;
};
// COPY --chown: as USER, but a uid without a group is its own gid. Errors: as resolve_user.
Result<Owner> resolve_owner(std::string_view chown, const UserFiles& files);

}  // namespace crank::build
