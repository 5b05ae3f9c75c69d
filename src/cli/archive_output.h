// Archives that a command writes to standard output or into a file.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "store/tree_tar.h"

namespace crank::cli {

// usage where standard output is a terminal; `instead` is what to type.
Result<> refuse_terminal(std::string instead);
// A tree as a tar archive to an open descriptor, which errors name. Returns the bytes of its files.
Result<std::int64_t> write_tree(const store::TreeTarRequest& request, int fd,
                                const std::string& shown);

}  // namespace crank::cli
