// A tree with all that its files carry, from one directory to another. Nothing follows a symbolic
// link: the source may be anybody's.
#pragma once

#include "base/error.h"

namespace crank::sys {

// What is in `from` goes into the empty directory `to`, which takes the owner, the mode, the times
// and the attributes of `from`: owners, modes, times, extended attributes, links of both kinds,
// devices and pipes. Sockets are left out. What overlayfs keeps for itself is not copied.
Result<> copy_tree(int from, int to);

}  // namespace crank::sys
