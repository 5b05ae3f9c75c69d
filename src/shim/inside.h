// Paths below the container's root, whatever links the image has on them. Descriptors, or -1 with
// errno.
#pragma once

#include <sys/types.h>

#include "shim/ops.h"

namespace crank::shim {

// Whether the image may lead a path elsewhere in its root by symbolic links.
enum class Links { follow, refuse };

int open_inside(const Root& root, const char* path, int flags, Links links = Links::follow);
// What is missing is made, with its directories.
int make_dirs(const Root& root, const char* path, mode_t mode, Links links = Links::follow);
int make_file(const Root& root, const char* path, Links links = Links::follow);
Links links_to(const char* directory);

struct Split {
    char parent[4096];
    const char* name;
};
int split(const char* path, Split& out);  // 0 or errno

}  // namespace crank::shim
