#include "sys/placement.h"

#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

namespace crank::sys {

Result<bool> lies_in_memory(const std::string& path) {
    struct statfs system{};
    if (::statfs(path.c_str(), &system) != 0) return fail_errno("statfs " + path);
    return system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC;
}

bool is_ext4(int fd) {
    struct statfs system{};
    return ::fstatfs(fd, &system) == 0 && system.f_type == EXT4_SUPER_MAGIC;
}

void spread_directories_in(int dir) {
    int flags = 0;
    if (::ioctl(dir, FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_TOPDIR_FL) != 0) return;
    flags |= FS_TOPDIR_FL;
    (void)::ioctl(dir, FS_IOC_SETFLAGS, &flags);
}

}  // namespace crank::sys
