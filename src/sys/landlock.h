// Which files a process may still open: Landlock (Linux 5.13).
#pragma once

#include <span>
#include <string>

#include "base/error.h"

namespace crank::sys {

// The version of the kernel's interface (landlock(7)); 0: it has none, or it is switched off.
int landlock_version();

enum class Landlock : std::uint8_t { in_force, absent };

// For good, for this thread and those it starts: of all files only `readable` (files, and
// directories with what is below them) can be opened, for reading; what does not exist is passed
// over. No TCP port can be bound (Linux 6.7), no abstract socket and no process outside can be
// reached (6.12), as far as the kernel knows. Needs no_new_privs. absent: the kernel has no
// Landlock, nothing has changed.
Result<Landlock> restrict_files(std::span<const std::string> readable);

}  // namespace crank::sys
