// Groups that a container has made: as many, and as deep, as the kernel let it.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "sys/cgroup.h"
#include "sys/file.h"

namespace crank::sys {
namespace {

struct Closes {
    void operator()(DIR* stream) const { ::closedir(stream); }
};
using Stream = std::unique_ptr<DIR, Closes>;

Result<Stream> open_stream(int dirfd, const char* name, const std::string& path) {
    int fd = ::openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return fail_errno("open cgroup " + path);
    Stream stream(::fdopendir(fd));
    if (stream) return stream;
    auto failure = fail_errno("read cgroup " + path);
    ::close(fd);
    return failure;
}

// A walk holds one descriptor, whatever the depth, and of each level above where to go on.
class Walk {
public:
    Walk(const std::string& dir, const GroupVisit& visit) : path_(dir), visit_(visit) {}

    Result<> run() {
        auto top = open_stream(AT_FDCWD, path_.c_str(), path_);
        if (!top && top.error().code() == Code::not_found) return {};
        stream_ = TRY(std::move(top));
        while (true) {
            if (TRY(descend())) continue;
            if (visit_.at) TRY(visit_.at(::dirfd(stream_.get()), path_));
            if (levels_.empty()) return {};
            TRY(ascend());
        }
    }

private:
    struct Level {
        long next;
        ino_t inode;
    };

    // False: no group is left below this one.
    Result<bool> descend() {
        while (const dirent* entry = ::readdir(stream_.get())) {
            std::string_view name = entry->d_name;
            if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
            std::size_t length = path_.size();
            path_.append("/").append(name);
            auto below = open_stream(::dirfd(stream_.get()), entry->d_name, path_);
            if (!below) {
                path_.resize(length);
                if (below.error().code() == Code::not_found) continue;  // gone meanwhile
                return fail(std::move(below).error());
            }
            struct stat info{};
            if (::fstat(::dirfd(stream_.get()), &info) != 0)
                return fail_errno("look at the cgroup above " + path_);
            levels_.push_back({::telldir(stream_.get()), info.st_ino});
            stream_ = std::move(*below);
            return true;
        }
        return false;
    }

    Result<> ascend() {
        Stream above = TRY(open_stream(::dirfd(stream_.get()), "..", path_ + "/.."));
        struct stat info{};
        if (::fstat(::dirfd(above.get()), &info) != 0 || info.st_ino != levels_.back().inode)
            return fail(Code::in_use, "cgroup " + path_ + " was moved meanwhile");
        ::seekdir(above.get(), levels_.back().next);
        levels_.pop_back();
        stream_ = std::move(above);
        std::size_t slash = path_.rfind('/');
        if (visit_.below) TRY(visit_.below(::dirfd(stream_.get()), path_.c_str() + slash + 1));
        path_.resize(slash);
        return {};
    }

    std::string path_;
    const GroupVisit& visit_;
    Stream stream_;
    std::vector<Level> levels_;
};

}  // namespace

Result<> walk_groups(const std::string& dir, const GroupVisit& visit) {
    return Walk(dir, visit).run();
}

Result<> remove_group_tree(const std::string& dir) {
    GroupVisit visit;
    visit.below = [&](int above, const char* name) -> Result<> {
        if (::unlinkat(above, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
        return fail_errno("remove a cgroup below " + dir);
    };
    TRY(walk_groups(dir, visit));
    return remove_cgroup_dir(dir);
}

}  // namespace crank::sys
