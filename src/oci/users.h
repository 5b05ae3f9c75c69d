// Names of users and groups in an image: /etc/passwd and /etc/group as text. Hostile input: lines
// that do not fit the format are skipped, as the C library does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::oci {

struct UserFiles {
    std::string passwd, group;  // contents; empty where the image has none
};

struct UserEntry {
    std::uint32_t uid = 0, gid = 0;
    std::vector<std::uint32_t> groups;  // supplementary, sorted, without gid
    std::string home = "/";
    bool operator==(const UserEntry&) const = default;
};

// USER, `run --user` and `exec --user`: "name", "uid", "name:group", "uid:gid", ":gid"; empty is
// root. Digits are an id, whatever name the image gave somebody: a line "1000:x:0:0" makes no root
// of
// --user 1000 (CVE-2016-3697). An id that no line names gets gid 0 and home "/"; with an explicit
// group there are no supplementary ones. A home that is no absolute path is "/". Ids are 0 to
// 2147483647, as Docker has them. Errors: not_found (a name that no line has), invalid_argument
// (malformed, out of range).
Result<UserEntry> resolve_user(std::string_view user, const UserFiles& files);

struct Owner {
    std::uint32_t uid = 0, gid = 0;
    bool operator==(const Owner&) const = default;
};
// COPY --chown: as USER, but a uid without a group is its own gid. Errors: as resolve_user.
Result<Owner> resolve_owner(std::string_view chown, const UserFiles& files);

}  // namespace crank::oci
