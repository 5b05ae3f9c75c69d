// What every program of this room does around its work.
#pragma once

#include <span>
#include <string_view>

namespace crank::cli {

// Calls `work` with argv[0] and the words after it, and ends the process with the code that it
// returns. An exception is a bug or the end of memory: it is reported, and the code is 1.
using Work = int (*)(std::string_view program, std::span<const std::string_view> words);
[[noreturn]] void run_program(int argc, char** argv, Work work);

}  // namespace crank::cli
