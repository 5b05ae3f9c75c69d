// What is taken out of a finished upper directory, so that a layer holds what the step changed and
// nothing that differs from run to run. Rules 1 (kNormalisation in graph.h).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace crank::build {

struct TidyReport {
    bool empty = true;  // the step changed no file
    // Python byte code in the layer (`__pycache__/*.pyc`), below the root, sorted by bytes.
    std::vector<std::string> bytecode;
};

// - the mark "opaque" of directories that hide nothing, which the kernel sets as an optimisation or
//   not, depending on its version;
// - directories that only their time was changed of;
// - var/cache/ldconfig/aux-cache, which holds inode numbers.
// `lower` is the read-only merged root below; -1: there is nothing below.
Result<TidyReport> tidy_upper(const std::string& upper, int lower);

}  // namespace crank::build
