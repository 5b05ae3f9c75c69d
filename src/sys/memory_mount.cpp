#include "sys/memory_mount.h"

#include <fcntl.h>
#include <sys/mount.h>

#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/mount.h"
#include "sys/mount_namespace.h"
#include "sys/own_thread.h"
#include "sys/owned_file.h"

namespace crank::sys {

namespace {

Result<UniqueFd> mount_here(const std::string& target, const MemoryFile& file) {
    TRY(leave_mount_namespace());
    std::string options = "mode=0700,size=" + std::to_string(file.content.size() + (64 << 10));
    if (::mount("tmpfs", target.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                options.c_str()) != 0)
        return fail_errno("mount a tmpfs");
    std::string path = target + "/file";
    UniqueFd fd = TRY(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    TRY(write_all(fd.get(), file.content, "a file in memory"));
    TRY(set_owner_at(fd.get(), "", file.uid, file.gid));
    TRY(set_mode(fd.get(), file.mode, "a file in memory"));
    return clone_mount(path, false);
}

}  // namespace

Result<UniqueFd> mount_memory_file(const std::string& target, const MemoryFile& file) {
    return on_own_thread([&] { return mount_here(target, file); });
}

}  // namespace crank::sys
