#include "sys/memory_mount.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <cerrno>

#include "sys/file.h"
#include "sys/link.h"
#include "sys/mount.h"
#include "sys/mount_namespace.h"
#include "sys/own_thread.h"
#include "sys/owned_file.h"

namespace crank::sys {

namespace {

Result<> mount_tmpfs(const std::string& target, std::size_t size) {
    auto try_with = [&](const std::string& options) {
        return ::mount("tmpfs", target.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                       options.c_str()) == 0;
    };
    std::string options = "mode=0700,size=" + std::to_string(size);
    if (try_with(options + ",noswap")) return {};
    if (errno == EINVAL && try_with(options)) return {};
    return fail_errno("mount a tmpfs");
}

Result<UniqueFd> write_here(const std::string& path, const MemoryFile& file) {
    UniqueFd fd = TRY(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    TRY(write_all(fd.get(), file.content, file.name));
    TRY(set_owner(fd.get(), file.uid, file.gid, file.name));
    TRY(set_mode(fd.get(), file.mode, file.name));
    return clone_mount(path, false);
}

Result<std::vector<UniqueFd>> mount_here(const std::string& target,
                                         std::span<const MemoryFile> files) {
    constexpr std::size_t kRoom = std::size_t{64} << 10;  // of one: a page, however large
    TRY(leave_mount_namespace());
    std::size_t size = 0;
    for (const MemoryFile& file : files) size += file.content.size() + kRoom;
    TRY(mount_tmpfs(target, size));
    std::vector<UniqueFd> mounts;
    for (const MemoryFile& file : files)
        mounts.push_back(TRY(write_here(target + "/" + std::to_string(mounts.size()), file)));
    return mounts;
}

}  // namespace

Result<std::vector<UniqueFd>> mount_memory_files(const std::string& target,
                                                 std::span<const MemoryFile> files) {
    return on_own_thread([&] { return mount_here(target, files); });
}

Result<UniqueFd> mount_memory_file(const std::string& target, const MemoryFile& file) {
    auto mounts = TRY(mount_memory_files(target, {&file, 1}));
    return std::move(mounts.front());
}

}  // namespace crank::sys
