// A file that a command writes where the user says.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "base/error.h"

namespace crank::cli {

// `write` gets an open descriptor. A regular file, or one that is not there yet, gets its name once
// it is whole: whoever has an older one keeps it until then. Links are followed, and stay. Anything
// else, /dev/null or a pipe, is written into, as is what a process has open (/dev/stdout,
// /proc/self/fd/1), whatever it is: it is never replaced. Errors: invalid_argument (a directory).
Result<> write_output(const std::string& path, mode_t mode,
                      const std::function<Result<>(int fd)>& write);
// The same of a text, for --iidfile.
Result<> write_output(const std::string& path, mode_t mode, const std::string& text);

}  // namespace crank::cli
