// Files of the kernel that take one value a write.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// As write_knob() of sys/file.h, for several values: a file is opened once for all that follow each
// other.
class Knobs {
public:
    Result<> write(const std::string& path, std::string_view value);

private:
    std::string path_;
    UniqueFd fd_;
};

}  // namespace crank::sys
