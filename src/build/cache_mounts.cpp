#include "build/cache_mounts.h"

#include <array>
#include <optional>
#include <utility>

#include "build/canonical.h"
#include "store/disk_use.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/owned_file.h"
#include "sys/poll.h"
#include "sys/stream.h"
#include "sys/system.h"

namespace crank::build {

namespace {

constexpr std::chrono::milliseconds kLook{50};
constexpr int kMaxPrivate = 1024;  // of one cache, at the same time

std::string directory_of(const std::string& store_root) { return store_root + "/cache-mounts"; }

std::string name_of(const dockerfile::Mount& mount, const oci::Digest& begins_with) {
    Canonical text("crank-cache-mount-v1");
    text.add("id", mount.id);
    text.add("mode", mount.mode.value_or(0755));
    text.add("uid", mount.uid.value_or(0));
    text.add("gid", mount.gid.value_or(0));
    if (!begins_with.is_zero()) text.add("begins", begins_with.str());
    return text.digest().hex().substr(0, 32);
}

Result<> wait_a_moment(int cancel_fd) {
    std::array entries{sys::PollEntry{.fd = cancel_fd, .want_read = true}};
    if (TRY(sys::poll(entries, kLook))) return fail(Code::cancelled, "the build was cancelled");
    return {};
}

// Of one instance; nothing: somebody else has it. It may be removed between its making and the
// lock, so the name is looked at again.
Result<std::optional<sys::UniqueFd>> try_enter(const std::string& base, sys::LockMode mode) {
    while (true) {
        TRY(sys::make_dirs(base, 0700));
        sys::UniqueFd fd = TRY(sys::open_dir(base));
        if (!TRY(sys::try_lock_fd(fd.get(), mode, base))) return std::nullopt;
        auto named = sys::stat(base);
        if (named && named->inode == TRY(sys::attributes_at(fd.get(), "")).inode) return fd;
    }
}

Result<std::pair<std::string, sys::UniqueFd>> enter(const std::string& base,
                                                    const std::string& sharing, int cancel_fd) {
    for (int instance = 0; sharing == "private" && instance < kMaxPrivate; ++instance) {
        std::string path = instance == 0 ? base : base + "." + std::to_string(instance);
        auto lock = TRY(try_enter(path, sys::LockMode::exclusive));
        if (lock) return std::pair{path, std::move(*lock)};
    }
    auto mode = sharing == "shared" ? sys::LockMode::shared : sys::LockMode::exclusive;
    while (true) {
        auto lock = TRY(try_enter(base, mode));
        if (lock) return std::pair{base, std::move(*lock)};
        TRY(wait_a_moment(cancel_fd));
    }
}

std::string mark_of(const std::string& path) { return path + "/ready"; }

// Until nobody else fills it. It may be complete by then.
Result<sys::UniqueFd> begin_to_fill(const std::string& path, int cancel_fd) {
    sys::UniqueFd file = TRY(sys::open_lock_file(path + "/filling"));
    while (!TRY(sys::try_lock_fd(file.get(), sys::LockMode::exclusive, path)))
        TRY(wait_a_moment(cancel_fd));
    return file;
}

// Empty, whatever one that was killed while it filled it has left.
Result<> make_empty(const std::string& directory, const dockerfile::Mount& mount) {
    TRY(sys::remove_tree(directory));
    TRY(sys::make_dir(directory, 0700));
    sys::UniqueFd fd = TRY(sys::open_dir(directory));
    TRY(sys::set_owner_at(fd.get(), "", mount.uid.value_or(0), mount.gid.value_or(0)));
    return sys::set_mode(fd.get(), mount.mode.value_or(0755), directory);
}

}  // namespace

Result<CacheDirectory> open_cache_directory(const std::string& store_root,
                                            const dockerfile::Mount& mount,
                                            const oci::Digest& begins_with, int cancel_fd) {
    TRY(sys::make_dirs(directory_of(store_root), 0700));
    std::string base = directory_of(store_root) + "/" + name_of(mount, begins_with);
    auto [path, lock] = TRY(enter(base, mount.sharing, cancel_fd));
    CacheDirectory directory{path + "/fs", false, std::move(lock)};
    if (!sys::exists(mark_of(path))) {
        directory.filling = TRY(begin_to_fill(path, cancel_fd));
        directory.fresh = !sys::exists(mark_of(path));
        if (directory.fresh) TRY(make_empty(directory.path, mount));
    }
    std::int64_t now = sys::wall_clock_ns() / 1'000'000'000;
    TRY(sys::set_mtime_at(directory.lock.get(), "", now, 0));
    return directory;
}

Result<> keep_cache_directory(CacheDirectory& directory) {
    std::string mark = mark_of(directory.path.substr(0, directory.path.rfind('/')));
    TRY(sys::write_file_atomic(mark, "", 0600, sys::Sync::no));
    directory.filling.reset();
    return {};
}

Result<PrunedDirectories> prune_cache_directories(const std::string& store_root,
                                                  std::chrono::system_clock::time_point before) {
    std::string base = directory_of(store_root);
    auto names = sys::list_dir(base);
    PrunedDirectories removed;
    if (!names) {
        if (names.error().code() == Code::not_found) return removed;
        return fail(std::move(names).error());
    }
    for (const std::string& name : *names) {
        std::string path = base + "/" + name;
        sys::UniqueFd fd = TRY(sys::open_dir(path));
        if (!TRY(sys::try_lock_fd(fd.get(), sys::LockMode::exclusive, path))) continue;
        auto used = std::chrono::system_clock::from_time_t(
            static_cast<std::time_t>(TRY(sys::attributes_at(fd.get(), "")).mtime));
        if (used >= before) continue;
        std::int64_t bytes = TRY(store::DiskUse().add(path));
        TRY(sys::remove_tree(path));
        ++removed.count;
        removed.bytes += bytes;
    }
    return removed;
}

}  // namespace crank::build
