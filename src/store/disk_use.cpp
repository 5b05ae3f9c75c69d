#include "store/disk_use.h"

#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/walk.h"

namespace crank::store {

namespace {

constexpr std::int64_t kBlock = 512;  // stat(2), st_blocks

bool is_gone(const Error& error) { return error.code() == Code::not_found; }

}  // namespace

Result<std::int64_t> DiskUse::add(const std::string& path) { return start(path, What::all); }

Result<std::int64_t> DiskUse::add_directories(const std::string& path) {
    return start(path, What::directories);
}

Result<std::int64_t> DiskUse::add_alone(const std::string& path) {
    return start(path, What::alone);
}

Result<std::int64_t> DiskUse::start(const std::string& path, What what) {
    return entry(sys::kCwd, path, what);
}

Result<std::int64_t> DiskUse::entry(int dirfd, const std::string& name, What what) {
    auto attributes = sys::attributes_at(dirfd, name);
    if (!attributes && is_gone(attributes.error())) return 0;
    if (!attributes) return fail(std::move(attributes).error());
    bool is_dir = attributes->is_dir();
    if (!is_dir && what == What::directories) return 0;
    bool is_new = seen_[attributes->device].insert(attributes->inode).second;
    std::int64_t bytes = is_new ? attributes->blocks * kBlock : 0;
    if (!is_dir || what == What::alone) return bytes;
    auto dir = sys::open_dir_at(dirfd, name);
    if (!dir && is_gone(dir.error())) return bytes;
    if (!dir) return fail(std::move(dir).error());
    for (const sys::DirEntry& child : TRY(sys::read_dir(dir->get(), name))) {
        if (what == What::directories && child.kind != sys::FileKind::directory) continue;
        bytes += TRY(entry(dir->get(), child.name, what));
    }
    return bytes;
}

}  // namespace crank::store
