// What a native worker has of the environment of the command that starts it.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace crank::engine::native {

// "NAME=value" each. Of `crank run --native` all of it; of a project's worker (by its label) what
// says who and where it is and in which language it speaks: the next command that starts it, at
// boot perhaps, has another one.
std::vector<std::string> surrounding_environment(const std::map<std::string, std::string>& labels);

}  // namespace crank::engine::native
