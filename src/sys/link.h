// Hard links and finished files, for code that makes many: failures that are expected are values,
// not errors.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace crank::sys {

enum class LinkOutcome {
    made,
    exists,   // EEXIST: the new name is taken
    missing,  // ENOENT: the old name, or a directory of either, is not there
    full,     // EMLINK: the file has as many names as its file system allows (ext4: 65,000)
    refused,  // EPERM, EXDEV, EOPNOTSUPP: the file system or protected_hardlinks does not allow it
};
// linkat(2) without following a link in either last component. Errors: everything else.
Result<LinkOutcome> try_link_at(int from_dir, const std::string& from, int to_dir,
                                const std::string& to);
// renameat(2).
Result<> rename_at(int from_dir, const std::string& from, int to_dir, const std::string& to);

// Of an open file; `name` is for the error. The mode is set by set_mode (owned_file.h).
Result<> set_owner(int fd, uid_t uid, gid_t gid, const std::string& name);
Result<> set_mtime(int fd, std::int64_t seconds, std::uint32_t nanoseconds,
                   const std::string& name);
Result<> set_xattr(int fd, const std::string& key, std::string_view value, const std::string& name);

}  // namespace crank::sys
