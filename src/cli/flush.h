// The end of what is printed.
#pragma once

namespace crank::cli {

// False: something could not be written to stdout, which was said on stderr.
bool flush_output();

}  // namespace crank::cli
