// What a monitor says to crank of an end.
#pragma once

namespace crank::shim {

// The last word of the restart command, in the place of a delay: the container has ended.
inline constexpr char kEnded[] = "ended";

}  // namespace crank::shim
