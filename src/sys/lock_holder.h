// Who holds a file's lock.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::sys {

struct LockHolder {
    pid_t pid = 0;
    std::vector<std::string> command;  // its words
};
// Of flock(2), as proc_locks(5) names it: by the file's device and inode. Nothing: nobody, somebody
// who has ended or is outside this PID namespace, or a file system that calls its device otherwise
// there (btrfs).
std::optional<LockHolder> lock_holder(const std::string& path);
// Pure: in the text of /proc/locks.
std::optional<pid_t> holder_in(std::string_view locks, unsigned major, unsigned minor,
                               unsigned long inode);

}  // namespace crank::sys
