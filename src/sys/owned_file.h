// Files that belong to somebody else than their writer: credentials handed to a worker.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "sys/system.h"

namespace crank::sys {

struct Owner {
    uid_t uid = 0;
    gid_t gid = 0;
};

// Creates `name` in the directory `dirfd`, follows no link, and writes, hands over (where an owner
// is given) and syncs it before it returns; no moment shows the content to more than `mode` allows.
// Errors: already_exists where the name is taken; permission_denied where the caller may not give
// files away.
Result<> write_new_file_at(int dirfd, const std::string& name, std::string_view content,
                           mode_t mode, std::optional<Owner> owner);

// chmod(2) of an open file, whatever the umask; `name` is for the error.
Result<> set_mode(int fd, mode_t mode, const std::string& name);

// A pipe's end becomes the user's, who could not open it again otherwise (/dev/stdout). Nothing
// happens to what is no pipe, or where the right is missing.
void give_pipe(int fd, uid_t uid);

// fsync(2): of a directory, so that its entries outlive a power cut; `name` is for the error.
Result<> sync(int fd, const std::string& name);

}  // namespace crank::sys
