// As whom this thread makes files.
#pragma once

#include <sys/types.h>

#include "base/error.h"

namespace crank::sys {

// Of this thread alone, from here on (setfsuid(2)); its rights stay, which the change of the id
// takes off. Where a mount is id-mapped, who makes something must be somebody it knows.
Result<> make_files_as(uid_t uid, gid_t gid);

}  // namespace crank::sys
