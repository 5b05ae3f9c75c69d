#include "engine/page_cache.h"

#include <deque>

#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/walk.h"

namespace crank::engine {
namespace {

int flags() { return sys::kReadOnly | sys::kNoFollow | sys::kNonBlock; }

class Look {
public:
    Look(std::vector<CachedFile>& files, std::int64_t most) : files_(files), left_(most) {}

    // And below.
    void at(const std::string& directory) {
        std::deque<std::string> left = {directory};
        for (; !left.empty() && left_ > 0; left.pop_front()) {
            auto fd = sys::open_dir(left.front());
            if (!fd) continue;
            auto entries = sys::read_dir(fd->get(), left.front());
            if (!entries) continue;
            for (const sys::DirEntry& entry : *entries) {
                std::string path = left.front() + "/" + entry.name;
                if (entry.kind == sys::FileKind::regular)
                    file(fd->get(), entry.name, path);
                else if (entry.kind == sys::FileKind::directory)
                    left.push_back(std::move(path));
            }
        }
    }

private:
    void file(int dirfd, const std::string& name, const std::string& path) {
        auto fd = sys::open_at(dirfd, name, flags());
        if (!fd) return;
        auto parts = sys::cached_parts(fd->get());
        if (!parts || parts->empty()) return;
        for (const sys::FilePart& part : *parts) left_ -= part.length;
        files_.push_back({path, std::move(*parts)});
    }

    std::vector<CachedFile>& files_;
    std::int64_t left_;
};

}  // namespace

std::vector<CachedFile> cached_files(const std::vector<std::string>& directories,
                                     std::int64_t most) {
    std::vector<CachedFile> files;
    Look look(files, most);
    for (const std::string& directory : directories) look.at(directory);
    return files;
}

void read_again(const std::vector<CachedFile>& files) {
    for (const CachedFile& file : files) {
        auto fd = sys::open(file.path, flags());
        if (!fd) continue;
        for (const sys::FilePart& part : file.parts) (void)sys::read_ahead(fd->get(), part);
    }
}

}  // namespace crank::engine
