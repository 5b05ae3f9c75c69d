// Ends of pipes that are given to workers, and what a process was given itself.
#pragma once

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// The reading end of a pipe into which nobody writes and which does not end: whoever holds it also
// counts as a writer (pipe(7): opened for both).
Result<UniqueFd> open_silent_pipe();

// Opens /dev/null where descriptor 0, 1 or 2 is closed: otherwise the next file that is opened gets
// that number, and what is printed is written into it. All others become close-on-exec
// (Linux 5.11): a monitor would keep what a script has open for as long as its container lives, and
// the programs of crank know their descriptors by number.
Result<> settle_inherited_descriptors();

// dup(2), close-on-exec.
Result<UniqueFd> duplicate(int fd);

}  // namespace crank::sys
