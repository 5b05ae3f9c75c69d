// File system operations. Whatever lies below the root may be made by an attacker (the image): it
// is only ever reached through openat2(RESOLVE_IN_ROOT) (inside.h), and mounted by descriptor.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "shim/inside.h"
#include "shim/kernel.h"
#include "shim/ops.h"

namespace crank::shim {
namespace {

// "mode=755,size=64k,noswap": each piece is one fsconfig call.
int configure(int fs, const char* options) {
    char piece[1024];
    while (*options != 0) {
        const char* end = strchrnul(options, ',');
        auto length = static_cast<size_t>(end - options);
        if (length >= sizeof piece) return ENAMETOOLONG;
        memcpy(piece, options, length);
        piece[length] = 0;
        char* equals = strchr(piece, '=');
        int done;
        if (equals != nullptr) {
            *equals = 0;
            done = fsconfig(fs, kFsconfigSetString, piece, equals + 1);
        } else {
            done = fsconfig(fs, kFsconfigSetFlag, piece, nullptr);
        }
        if (done != 0) return errno;
        options = *end == 0 ? end : end + 1;
    }
    return 0;
}

int new_mount(const char* type, const char* source, const char* options, uint64_t attributes,
              int& out) {
    int fs = fsopen(type);
    if (fs < 0) return errno;
    int error = 0;
    if (*source != 0 && fsconfig(fs, kFsconfigSetString, "source", source) != 0) error = errno;
    if (error == 0) error = configure(fs, options);
    if (error == 0 && fsconfig(fs, kFsconfigCreate, nullptr, nullptr) != 0) error = errno;
    if (error == 0) {
        out = fsmount(fs, attributes);
        if (out < 0) error = errno;
    }
    close(fs);
    return error;
}

// Never onto the root itself: what lies over it would stay reachable as "/..", unmasked.
int check_below(const Root& root, int target) {
    struct stat top{}, chosen{};
    if (fstat(root.fd, &top) != 0 || fstat(target, &chosen) != 0) return errno;
    return top.st_dev == chosen.st_dev && top.st_ino == chosen.st_ino ? ELOOP : 0;
}

// What lies over a part of /proc hides it from whoever relies on it, the runtime itself included
// (CVE-2019-19921 and its kin): a destination must not lead there, unless it is meant to.
int check_not_proc(int target) {
    constexpr long kProcMagic = 0x9fa0;  // linux/magic.h
    struct statfs info{};
    if (fstatfs(target, &info) != 0) return errno;
    return static_cast<long>(info.f_type) == kProcMagic ? EPERM : 0;
}

int attach(const Root& root, int mount_fd, int target) {
    int error = check_below(root, target);
    if (error == 0 && move_mount(mount_fd, target) != 0) error = errno;
    close(target);
    return error;
}

// Clones the mount at `from` and puts the clone, read-only when asked, onto `target`.
int bind_over(int from, int target, bool readonly) {
    // With what is mounted below, which the clone would hide otherwise.
    constexpr unsigned kRecursive = 0x8000;  // AT_RECURSIVE
    int clone = open_tree(from, "", kOpenTreeClone | kOpenTreeCloexec | AT_EMPTY_PATH | kRecursive);
    if (clone < 0) return errno;
    int error = 0;
    if (readonly) {
        MountAttr attr{};
        attr.set = kMountAttrRdonly;
        if (mount_setattr(clone, AT_EMPTY_PATH, attr) != 0) error = errno;
    }
    if (error == 0 && move_mount(clone, target) != 0) error = errno;
    close(clone);
    return error;
}

// `options` with the mode of the directory, unless they have one; `space` holds them then.
int inherit_mode(int directory, const char*& options, char (&space)[4096]) {
    for (const char* at = options; at != nullptr; at = strchr(at, ',')) {
        if (*at == ',') ++at;
        if (strncmp(at, "mode=", 5) == 0) return 0;
    }
    struct stat info{};
    if (fstat(directory, &info) != 0) return errno;
    int n = snprintf(space, sizeof space, "mode=%o%s%s", info.st_mode & 07777,
                     *options != 0 ? "," : "", options);
    if (n < 0 || static_cast<size_t>(n) >= sizeof space) return ENAMETOOLONG;
    options = space;
    return 0;
}

}  // namespace

int isolate_mounts(const Op& op, Root& root) {
    // While the host's /proc can be reached.
    if (op.a != 0) root.mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (op.a != 0 && root.mounts < 0) return errno;
    return mount("", "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0 ? errno : 0;
}

int mount_overlay(const PlanView& plan, const Op& op) {
    // The classic call: before Linux 6.5 the new one takes at most 255 bytes of lower directories.
    if (chdir(plan.text(op.s1)) != 0) return errno;
    int done = mount("overlay", plan.text(op.s3), "overlay", op.a, plan.text(op.s2));
    int error = done != 0 ? errno : 0;
    if (chdir("/") != 0 && error == 0) error = errno;
    return error;
}

int open_root(const PlanView& plan, const Op& op, Root& root) {
    root.fd = open(plan.text(op.s1), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return root.fd < 0 ? errno : 0;
}

int change_root(const Op& op) {
    if (fchdir(PlanView::slot(op.fd)) != 0) return errno;
    if (chroot(".") != 0) return errno;
    return chdir("/") != 0 ? errno : 0;
}

int attach_root(const Op& op, Root& root) {
    // The path of the root may lead through directories that are closed to whoever has only the
    // ids of a user namespace; "/" is open to everybody, and is covered for the moment only.
    int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0) return errno;
    root.fd = PlanView::slot(op.fd);
    int error = move_mount(root.fd, top) != 0 ? errno : 0;
    close(top);
    return error;
}

int make_dir(const PlanView& plan, const Op& op, const Root& root) {
    int fd = make_dirs(root, plan.text(op.s2), static_cast<mode_t>(op.a));
    if (fd < 0) return errno;
    close(fd);
    return 0;
}

int mount_fs(const PlanView& plan, const Op& op, const Root& root) {
    // A /proc that is a link would put the masked and read-only paths beside the file system that
    // they are for.
    Links links = op.b != 0 ? Links::refuse : Links::follow;
    // tmpfs(5): who says no mode gets that of the directory, as if nothing were mounted there.
    bool there = true;
    int target = open_inside(root, plan.text(op.s2), O_PATH | O_DIRECTORY, links);
    if (target < 0) {
        there = false;
        target = make_dirs(root, plan.text(op.s2), 0755, links);
    }
    if (target < 0) return errno;
    int error = check_not_proc(target), fd = -1;
    const char* type = plan.text(op.s1);
    const char* options = plan.text(op.s3);
    char with_mode[4096];
    if (there && strcmp(type, "tmpfs") == 0 && error == 0)
        error = inherit_mode(target, options, with_mode);
    if (error == 0) error = new_mount(type, type + strlen(type) + 1, options, op.a, fd);
    if (error != 0) {
        close(target);
        return error;
    }
    error = attach(root, fd, target);
    close(fd);
    return error;
}

int open_bind(const PlanView& plan, const Op& op, Root& root) {
    constexpr unsigned kRecursive = 0x8000;           // AT_RECURSIVE
    constexpr uint64_t kAtimeKinds = 0x70;            // set only where the old kind is cleared
    constexpr uint64_t kPrivate = uint64_t{1} << 18;  // MS_PRIVATE
    bool recursive = (op.c & kBindRecursive) != 0;
    if (root.bind >= 0) close(root.bind);
    root.bind = open_tree(AT_FDCWD, plan.text(op.s1),
                          kOpenTreeClone | kOpenTreeCloexec | (recursive ? kRecursive : 0));
    if (root.bind < 0) return errno;
    MountAttr all{}, top{};
    all.propagation = (op.c & kBindKeepsPeers) != 0 ? 0 : kPrivate;
    all.set = op.b;
    all.clear = op.c >> kBindClearedShift;
    top.set = op.a;
    MountAttr* const both[] = {&all, &top};
    for (MountAttr* attr : both)
        if ((attr->set & kAtimeKinds) != 0) attr->clear |= kAtimeKinds;
    if (mount_setattr(root.bind, AT_EMPTY_PATH | (recursive ? kRecursive : 0), all) != 0)
        return errno;
    return mount_setattr(root.bind, AT_EMPTY_PATH, top) != 0 ? errno : 0;
}

namespace {

// The kernel lists mounts in the order of their making (Linux 6.8): a directory that the parent has
// opened before all others is copied at its turn, with its peers, and the copy attached. It is the
// mount that stands there already which is copied: one of another mount namespace's could not be.
int renew_mount(int slot, int target) {
    constexpr unsigned kRecursive = 0x8000;  // AT_RECURSIVE
    if (move_mount(slot, target) != 0) return errno;
    int copy = open_tree(slot, "", kOpenTreeClone | kOpenTreeCloexec | AT_EMPTY_PATH | kRecursive);
    if (copy < 0) return errno;
    int error = 0;
    if (fchdir(slot) != 0 || umount2(".", MNT_DETACH) != 0) error = errno;
    if (chdir("/") != 0 && error == 0) error = errno;
    if (error == 0 && dup3(copy, slot, O_CLOEXEC) < 0) error = errno;
    close(copy);
    return error;
}

}  // namespace

int attach_mount(const PlanView& plan, const Op& op, const Root& root) {
    int source = op.fd >= 0 ? PlanView::slot(op.fd) : root.bind;
    struct stat info{};
    if (op.fd < 0 && fstat(source, &info) != 0) return errno;
    bool file = op.fd >= 0 ? op.a != 0 : !S_ISDIR(info.st_mode);
    Links links = op.c == 1 ? Links::refuse : Links::follow;
    int target = file ? make_file(root, plan.text(op.s2), links)
                      : make_dirs(root, plan.text(op.s2), 0755, links);
    if (target < 0) return errno;
    if (int error = op.b != 0 ? 0 : check_not_proc(target); error != 0) {
        close(target);
        return error;
    }
    if (op.c == 2 && !file) {
        int error = check_below(root, target);
        if (error == 0) error = renew_mount(source, target);
        if (error != 0) {
            close(target);
            return error;
        }
    }
    return attach(root, source, target);
}

int make_node(const PlanView& plan, const Op& op, const Root& root) {
    Split parts;
    if (int error = split(plan.text(op.s2), parts); error != 0) return error;
    int parent = make_dirs(root, parts.parent, 0755, links_to(parts.parent));
    if (parent < 0) return errno;
    int error = 0;
    auto type = static_cast<mode_t>(op.a) & S_IFMT;
    // The mode is set apart from mknod, whose mode the umask cuts.
    if (mknodat(parent, parts.name, static_cast<mode_t>(op.a), static_cast<dev_t>(op.b)) != 0)
        error = errno;
    struct stat info{};
    bool known = fstatat(parent, parts.name, &info, AT_SYMLINK_NOFOLLOW) == 0;
    // A device that stands there already, and is the one meant, will do.
    if (error == EEXIST && known && (info.st_mode & S_IFMT) == type &&
        (type == S_IFIFO || info.st_rdev == op.b))
        error = 0;
    auto uid = static_cast<uid_t>(op.c), gid = static_cast<gid_t>(op.c >> 32);
    // What a default ACL of the directory has left, or one made long ago has. Another container of
    // the same root could put a link there meanwhile.
    if (error == 0 && !(known && info.st_mode == static_cast<mode_t>(op.a)) &&
        fchmodat(parent, parts.name, static_cast<mode_t>(op.a) & 07777, AT_SYMLINK_NOFOLLOW) != 0)
        error = errno;
    if (error == 0 && op.c != 0 && fchownat(parent, parts.name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
        error = errno;
    close(parent);
    return error;
}

int make_link(const PlanView& plan, const Op& op, const Root& root) {
    Split parts;
    if (int error = split(plan.text(op.s2), parts); error != 0) return error;
    int parent = make_dirs(root, parts.parent, 0755, links_to(parts.parent));
    if (parent < 0) return errno;
    int error = symlinkat(plan.text(op.s1), parent, parts.name) != 0 ? errno : 0;
    char there[256];
    // In a root that is used a second time.
    if (error == EEXIST && readlinkat(parent, parts.name, there, sizeof there) >= 0) error = 0;
    close(parent);
    return error;
}

int mask_path(const PlanView& plan, const Op& op, Root& root) {
    int target = open_inside(root, plan.text(op.s2), O_PATH);
    if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : errno;
    struct stat info{};
    if (fstat(target, &info) != 0) {
        int error = errno;
        close(target);
        return error;
    }
    if (S_ISDIR(info.st_mode)) {
        int fd = -1;
        int error = 0;
        if (root.mask >= 0) {
            error = check_below(root, target);
            if (error == 0) error = bind_over(root.mask, target, false);
            close(target);
            return error;
        }
        error =
            new_mount("tmpfs", "tmpfs", "size=0,nr_inodes=2",
                      kMountAttrRdonly | kMountAttrNosuid | kMountAttrNodev | kMountAttrNoexec, fd);
        if (error != 0) {
            close(target);
            return error;
        }
        error = attach(root, fd, target);
        root.mask = fd;
        return error;
    }
    int null = open_inside(root, "/dev/null", O_PATH);
    int error = null < 0 ? errno : bind_over(null, target, true);
    // Binding the wrong file over a mask would unmask it: /dev/null must be the null device.
    if (null >= 0 && error == 0 && fstat(null, &info) == 0 &&
        (!S_ISCHR(info.st_mode) || info.st_rdev != makedev(1, 3)))
        error = ENODEV;
    if (null >= 0) close(null);
    close(target);
    return error;
}

int readonly_path(const PlanView& plan, const Op& op, const Root& root) {
    int target = open_inside(root, plan.text(op.s2), O_PATH);
    if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : errno;
    int error;
    if (op.a != 0) {
        MountAttr attr{};
        attr.set = kMountAttrRdonly;
        error = mount_setattr(target, AT_EMPTY_PATH, attr) != 0 ? errno : 0;
        // In a tree that is in no mount namespace the kernel changes the topmost mount alone.
        if (error == EINVAL) error = bind_over(target, target, true);
    } else {
        error = bind_over(target, target, true);
    }
    close(target);
    return error;
}

int enter_root(Root& root) {
    // pivot_root(".", ".") stacks the old root on the new one; what is detached then is the old.
    if (fchdir(root.fd) != 0) return errno;
    if (syscall(SYS_pivot_root, ".", ".") != 0) return errno;
    if (umount2(".", MNT_DETACH) != 0) return errno;
    close(root.fd);
    root.fd = -1;
    return chdir("/") != 0 ? errno : 0;
}

int make_root_readonly() {
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return errno;
    MountAttr attr{};
    attr.set = kMountAttrRdonly;
    int error = mount_setattr(root, AT_EMPTY_PATH, attr) != 0 ? errno : 0;
    close(root);
    return error;
}

}  // namespace crank::shim
