// A fresh Debian tree made fit for an image: what differs between two installations of the same
// packages is taken out, and Python is put where the official image has it.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace crank::build {

struct RootfsFacts {
    std::string python_version;  // "3.11.2"
    int packages = 0;
};

// `root`: absolute; made by mmdebstrap a moment ago. Errors: failed_precondition where it holds no
// Python.
Result<RootfsFacts> clean_rootfs(const std::string& root, std::string_view suite);

// From dpkg's status file: the number of installed packages and the upstream version of python3.
RootfsFacts read_dpkg_status(std::string_view status);

}  // namespace crank::build
