// System calls and constants that musl 1.2.3 does not declare, raw. Sources: the kernel's UAPI
// headers; numbers above 423 are the same on every architecture.
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace crank::shim {

inline constexpr long kSysOpenTree = 428, kSysMoveMount = 429, kSysFsopen = 430, kSysFsconfig = 431,
                      kSysFsmount = 432, kSysPidfdOpen = 434, kSysClone3 = 435,
                      kSysCloseRange = 436, kSysOpenat2 = 437, kSysMountSetattr = 442,
                      kSysPidfdSendSignal = 424;

inline constexpr unsigned kOpenTreeClone = 1, kOpenTreeCloexec = 02000000;
inline constexpr unsigned kMoveMountFromEmpty = 4, kMoveMountToEmpty = 0x40;
inline constexpr unsigned kFsopenCloexec = 1, kFsmountCloexec = 1;
inline constexpr unsigned kFsconfigSetFlag = 0, kFsconfigSetString = 1, kFsconfigCreate = 6;
inline constexpr uint64_t kMountAttrRdonly = 1, kMountAttrNosuid = 2, kMountAttrNodev = 4,
                          kMountAttrNoexec = 8;
inline constexpr uint64_t kResolveNoMagiclinks = 2, kResolveNoSymlinks = 4, kResolveInRoot = 0x10;
inline constexpr unsigned kCloseRangeCloexec = 4;
inline constexpr uint64_t kCloneIntoCgroup = 0x200000000ULL;

// openat2 answers EAGAIN where a rename went on while it looked (openat2(2)). Whoever renames
// without end inside the root must not hold up a start for ever.
inline constexpr int kMostLookups = 256;

struct OpenHow {
    uint64_t flags, mode, resolve;
};
struct MountAttr {
    uint64_t set, clear, propagation, userns_fd;
};
struct CloneArgs {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size, cgroup;
};

inline int openat2(int dirfd, const char* path, const OpenHow& how) {
    return static_cast<int>(::syscall(kSysOpenat2, dirfd, path, &how, sizeof how));
}
inline int open_tree(int dirfd, const char* path, unsigned flags) {
    return static_cast<int>(::syscall(kSysOpenTree, dirfd, path, flags));
}
// Both ends by descriptor.
inline int move_mount(int from, int to) {
    return static_cast<int>(
        ::syscall(kSysMoveMount, from, "", to, "", kMoveMountFromEmpty | kMoveMountToEmpty));
}
inline int mount_setattr(int fd, unsigned flags, const MountAttr& attr) {
    return static_cast<int>(::syscall(kSysMountSetattr, fd, "", flags, &attr, sizeof attr));
}
inline int fsopen(const char* type) {
    return static_cast<int>(::syscall(kSysFsopen, type, kFsopenCloexec));
}
inline int fsconfig(int fd, unsigned command, const char* key, const char* value) {
    return static_cast<int>(::syscall(kSysFsconfig, fd, command, key, value, 0));
}
inline int fsmount(int fd, uint64_t attributes) {
    return static_cast<int>(::syscall(kSysFsmount, fd, kFsmountCloexec, attributes));
}
inline int pidfd_open(int pid) { return static_cast<int>(::syscall(kSysPidfdOpen, pid, 0)); }
inline int pidfd_send_signal(int fd, int number) {
    return static_cast<int>(::syscall(kSysPidfdSendSignal, fd, number, nullptr, 0));
}
inline int close_range(unsigned first, unsigned last, unsigned flags) {
    return static_cast<int>(::syscall(kSysCloseRange, first, last, flags));
}

}  // namespace crank::shim
