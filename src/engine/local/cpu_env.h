// The CPU quota for libraries that look at the machine's processors instead.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace crank::engine::local {

// "NAME=N" for `nano_cpus` (billionths of a CPU), N rounded up. They go below what the image and
// the user set.
std::vector<std::string> cpu_variables(std::int64_t nano_cpus);

}  // namespace crank::engine::local
