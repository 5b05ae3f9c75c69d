#include "sys/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "sys/file.h"

namespace crank::sys {

namespace {

FileKind kind_of_type(unsigned char type) {
    switch (type) {
        case DT_REG: return FileKind::regular;
        case DT_DIR: return FileKind::directory;
        case DT_LNK: return FileKind::symlink;
        default: return FileKind::other;
    }
}

struct CloseDir {
    void operator()(DIR* dir) const { ::closedir(dir); }
};

}  // namespace

FileKind kind_of(const Attributes& attributes) {
    if (attributes.is_regular()) return FileKind::regular;
    if (attributes.is_dir()) return FileKind::directory;
    return attributes.is_symlink() ? FileKind::symlink : FileKind::other;
}

Result<std::vector<DirEntry>> read_dir(int dirfd, const std::string& name) {
    // A descriptor of its own: closedir closes it, and the position is not shared.
    UniqueFd own = TRY(open_at(dirfd, ".", O_RDONLY | O_DIRECTORY));
    std::unique_ptr<DIR, CloseDir> dir(::fdopendir(own.get()));
    if (!dir) return fail_errno("list " + name);
    own.release();
    std::vector<DirEntry> entries;
    while (true) {
        errno = 0;
        const dirent* entry = ::readdir(dir.get());
        if (entry == nullptr) break;
        std::string entry_name = entry->d_name;
        if (entry_name == "." || entry_name == "..") continue;
        FileKind kind = kind_of_type(entry->d_type);
        if (entry->d_type == DT_UNKNOWN) kind = kind_of(TRY(attributes_at(dirfd, entry_name)));
        entries.push_back({std::move(entry_name), kind});
    }
    if (errno != 0) return fail_errno("list " + name);
    std::sort(entries.begin(), entries.end(),
              [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    return entries;
}

Result<UniqueFd> find_in_root(int rootfd, const std::string& path) {
    return open_in_root(rootfd, path, O_PATH);
}

Result<UniqueFd> create_file_in_root(int rootfd, const std::string& path, mode_t mode) {
    return open_in_root(rootfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, mode);
}

Result<std::string> path_of_fd(int fd) { return read_link("/proc/self/fd/" + std::to_string(fd)); }

Result<> remove_xattr(int fd, const std::string& attribute) {
    if (::fremovexattr(fd, attribute.c_str()) == 0 || errno == ENODATA || errno == EOPNOTSUPP)
        return {};
    return fail_errno("remove attribute " + attribute);
}

}  // namespace crank::sys
