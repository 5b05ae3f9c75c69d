// What another process has open.
#pragma once

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// The same open file under a number of ours (pidfd_getfd(2), Linux 5.6). not_found: it has none
// under that number, or is gone; permission_denied without CAP_SYS_PTRACE.
Result<UniqueFd> take_descriptor(int pidfd, int number);

}  // namespace crank::sys
