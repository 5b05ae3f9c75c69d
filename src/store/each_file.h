// The regular files of a tree. Internal to store.
#pragma once

#include <string>

#include "base/error.h"
#include "sys/attributes.h"
#include "sys/file.h"

namespace crank::store {

// Calls `visit(dirfd, name, path, attributes)` for each regular file below; `prefix` begins the
// paths.
template <class F>
Result<> each_file(int dirfd, const std::string& prefix, F&& visit) {
    for (const std::string& name : TRY(sys::list_at(dirfd))) {
        auto attributes = TRY(sys::attributes_at(dirfd, name));
        if (attributes.is_regular()) TRY(visit(dirfd, name, prefix + name, attributes));
        if (!attributes.is_dir()) continue;
        auto child = TRY(sys::open_dir_at(dirfd, name));
        TRY(each_file(child.get(), prefix + name + "/", visit));
    }
    return {};
}

}  // namespace crank::store
