#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "sys/attributes.h"
#include "sys/entry.h"
#include "sys/file.h"

namespace crank::sys {
namespace {

Error mounted_on(const std::string& shown) {
    return Error(Code::in_use, "something is mounted on " + shown);
}

// The entry itself. A mount on it is told by the kernel, since a bind mount of the same file system
// has its device number. Without openat2 (before Linux 5.6, or under a filter that refuses it) the
// number is all there is: `device`.
Result<UniqueFd> open_in_mount(int dirfd, const std::string& name, int flags, dev_t device,
                               const std::string& shown) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_NOFOLLOW | O_CLOEXEC);
    how.resolve = RESOLVE_NO_XDEV;
    UniqueFd entry(static_cast<int>(::syscall(SYS_openat2, dirfd, name.c_str(), &how, sizeof how)));
    if (entry) return entry;
    if (errno == EXDEV) return fail(mounted_on(shown));
    if (errno != ENOSYS && errno != EPERM) return fail_errno("open " + shown);
    entry = TRY(open_at(dirfd, name, flags | O_NOFOLLOW));
    struct stat info{};
    if (::fstat(entry.get(), &info) != 0) return fail_errno("stat " + shown);
    if (info.st_dev != device) return fail(mounted_on(shown));
    return entry;
}

Result<dev_t> device_of(int dirfd, const std::string& shown) {
    struct stat info{};
    if (::fstat(dirfd, &info) != 0) return fail_errno("stat " + shown);
    return info.st_dev;
}

Result<> remove_from(int dirfd, const std::string& name, const std::string& shown, dev_t device);

Result<> remove_children(int dirfd, const std::string& shown) {
    dev_t device = TRY(device_of(dirfd, shown));
    for (const std::string& name : TRY_IN(list_at(dirfd), shown))
        TRY(remove_from(dirfd, name, shown + "/" + name, device));
    return {};
}

// True: it is gone, and was no directory.
Result<bool> unlinked(int dirfd, const std::string& name, const std::string& shown) {
    if (::unlinkat(dirfd, name.c_str(), 0) == 0 || errno == ENOENT) return true;
    if (errno != EISDIR && errno != EPERM) return fail_errno("remove " + shown);
    return false;
}

Result<> remove_empty(int dirfd, const std::string& name, const std::string& shown) {
    if (::unlinkat(dirfd, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
        return fail_errno("remove " + shown);
    return {};
}

Result<> remove_from(int dirfd, const std::string& name, const std::string& shown, dev_t device) {
    if (TRY(unlinked(dirfd, name, shown))) return {};
    UniqueFd directory = TRY(open_in_mount(dirfd, name, O_RDONLY | O_DIRECTORY, device, shown));
    TRY(remove_children(directory.get(), shown));
    return remove_empty(dirfd, name, shown);
}

// Nothing is mounted in it, and it does not hold `kept`.
Result<> check_tree(int dirfd, const std::string& name, const std::string& shown,
                    const std::optional<FileId>& kept) {
    UniqueFd entry = TRY(open_in_mount(dirfd, name, O_PATH, TRY(device_of(dirfd, shown)), shown));
    Attributes found = TRY_IN(attributes_at(entry.get(), ""), shown);
    if (kept && kept->device == found.device && kept->inode == found.inode)
        return fail(Code::invalid_argument, shown + " is what is to be kept");
    if (!found.is_dir()) return {};
    for (const std::string& child : TRY_IN(list_at(entry.get()), shown))
        TRY(check_tree(entry.get(), child, shown + "/" + child, kept));
    return {};
}

}  // namespace

Result<> remove_entry(int dirfd, const std::string& name, const std::optional<FileId>& kept) {
    // All of it before the first is removed: half a tree is of no use to anybody.
    TRY(check_tree(dirfd, name, name, kept));
    return remove_from(dirfd, name, name, TRY(device_of(dirfd, name)));
}

Result<> remove_tree(const std::string& path) {
    if (TRY(unlinked(AT_FDCWD, path, path))) return {};
    UniqueFd directory = TRY(open_dir(path));  // what is mounted there is meant
    TRY(remove_children(directory.get(), path));
    return remove_empty(AT_FDCWD, path, path);
}

}  // namespace crank::sys
