#include "store/file_maker.h"

#include <algorithm>

#include "store/overlay.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/link.h"
#include "sys/owned_file.h"
#include "sys/stream.h"
#include "sys/system.h"

namespace crank::store {

FileMaker::FileMaker(Sharing sharing) : sharing_(sharing) {
    if (auto mask = sys::current_umask()) umask_ = *mask;
    own_uid_ = sys::effective_uid();
}

bool FileMaker::shares(const std::string& path, const TarEntry& entry) const {
    return sharing_.pool != nullptr && is_shareable(path, entry.size);
}

PoolKey FileMaker::next_key(const oci::Digest& digest) {
    std::lock_guard lock(keys_mutex_);
    return sharing_.keys->next(digest);
}

void FileMaker::remember(const PoolKey& key) {
    std::lock_guard lock(keys_mutex_);
    sharing_.keys->add(key);
}

Result<bool> FileMaker::make(int dirfd, const std::string& name, const std::string& path,
                             const TarEntry& entry, Bytes content) {
    std::optional<PoolKey> key;
    if (shares(path, entry)) {
        FileHasher hasher(entry);
        hasher.update(content);
        key = next_key(hasher.finish());
        auto taken = TRY(sharing_.pool->take(*key, dirfd, name));
        if (taken == sys::LinkOutcome::exists) return false;
        if (taken == sys::LinkOutcome::made) {
            remember(*key);
            return true;
        }
    }
    auto fd = TRY(create(dirfd, name, entry));
    if (!fd) return false;
    TRY(sys::write_all(fd->get(), {reinterpret_cast<const char*>(content.data()), content.size()},
                       name));
    TRY(finish(fd->get(), entry));
    fd.reset();
    if (key) TRY(share(*key, dirfd, name));
    return true;
}

Result<> FileMaker::share(const oci::Digest& digest, int dirfd, const std::string& name) {
    return share(next_key(digest), dirfd, name);
}

Result<> FileMaker::share(const PoolKey& key, int dirfd, const std::string& name) {
    // Directories get their times at the end: a change of this one's does not matter.
    if (TRY(sharing_.pool->share(key, dirfd, name)) != Pool::Shared::no) remember(key);
    return {};
}

Result<std::optional<sys::UniqueFd>> FileMaker::create(int dirfd, const std::string& name,
                                                       const TarEntry& entry) {
    // Never more than the entry's mode allows; finish() adds what is missing.
    auto fd = sys::create_file_at(dirfd, name, entry.mode & 0777);
    if (!fd && fd.error().code() == Code::already_exists) return std::optional<sys::UniqueFd>();
    if (!fd) return fail(std::move(fd).error());
    if (new_files_group_ < 0) new_files_group_ = TRY(sys::attributes_at(fd->get(), "")).gid;
    return std::optional(std::move(*fd));
}

Error blame_ids(Error error) {
    return std::move(error)
        .with_code(Code::permission_denied)
        .with_hint(
            "this user may not own files as the image needs; give it more ids in "
            "/etc/subuid and /etc/subgid, or run as root");
}

Result<> FileMaker::finish(int fd, const TarEntry& entry) {
    auto uid = static_cast<uid_t>(entry.uid);
    auto gid = static_cast<gid_t>(entry.gid);
    // The owner first: a change of owner clears set-user-ID bits and capabilities.
    bool owned = uid == own_uid_ && gid == new_files_group_;
    if (!owned)
        if (auto set = sys::set_owner(fd, uid, gid, "the file"); !set)
            return fail(blame_ids(std::move(set).error()));
    bool has_mode = (entry.mode & 07777 & ~(0777 & ~umask_)) == 0;
    if (!has_mode) TRY(sys::set_mode(fd, entry.mode & 07777, "the file"));
    for (const auto& [key, value] : entry.xattrs)
        if (is_content_xattr(key)) TRY(sys::set_xattr(fd, key, value, "the file"));
    return sys::set_mtime(fd, entry.mtime, entry.mtime_ns, "the file");
}

}  // namespace crank::store
