#include "store/normalise.h"

#include "sys/attributes.h"
#include "sys/file.h"

namespace crank::store {

namespace {

Result<> normalise_directory(int dirfd, const CommitOptions& options) {
    for (const std::string& name : TRY(sys::list_at(dirfd))) {
        auto attributes = TRY_IN(sys::attributes_at(dirfd, name), name);
        if (attributes.is_dir()) {
            auto child = TRY(sys::open_dir_at(dirfd, name));
            TRY_IN(normalise_directory(child.get(), options), name);
        }
        std::int64_t time = attributes.mtime;
        if (options.set_all_mtimes || time > options.clamp_mtime) time = options.clamp_mtime;
        if (time != attributes.mtime || attributes.mtime_ns != 0)
            TRY(sys::set_mtime_at(dirfd, name, time, 0));
    }
    return {};
}

}  // namespace

Result<> normalise_tree(const std::string& tree, const CommitOptions& options) {
    auto root = TRY(sys::open_dir(tree));
    TRY_IN(normalise_directory(root.get(), options), "setting times in " + tree);
    auto parent = TRY(sys::attributes_at(root.get(), ".."));
    TRY(sys::set_owner_at(root.get(), "", parent.uid, parent.gid));
    TRY(sys::set_mode_at(root.get(), "", 0755));
    return sys::set_mtime_at(root.get(), "", 0, 0);
}

}  // namespace crank::store
