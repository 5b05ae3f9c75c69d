// Named places at which tests kill the process, to prove that the next one finds the old state or
// the new. Compiled in always: what is tested is what ships.
#pragma once

#include <string_view>

namespace crank {

// Ends the process with SIGKILL when the environment variable CRANK_CRASH_AT holds this name
// ("store.commit.before_rename"). Costs one getenv otherwise; there are a few per command.
void crash_point(std::string_view name);

}  // namespace crank
