// Lines of the kernel's and of other programs' files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace crank::engine {

// Between blanks and tabs, any number of them.
std::vector<std::string> words_of(std::string_view line);

}  // namespace crank::engine
