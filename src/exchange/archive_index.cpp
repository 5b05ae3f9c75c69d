#include "exchange/archive_index.h"

#include "base/text.h"
#include "store/tar_reader.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::exchange {

namespace {

constexpr std::int64_t kMaxArchive = std::int64_t{1} << 40;
constexpr std::int64_t kMaxFiles = 200'000;
constexpr int kMaxLinks = 8;

// Lexically, as a path below the archive's root: nothing here reaches a file system.
std::string normalise(const std::string& path) {
    std::vector<std::string> parts;
    for (const std::string& part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            if (!parts.empty()) parts.pop_back();
        } else {
            parts.push_back(part);
        }
    }
    return join(parts, "/");
}

std::string directory_of(const std::string& path) {
    std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

}  // namespace

Result<std::shared_ptr<const ArchiveIndex>> ArchiveIndex::read(int fd, const std::string& spool,
                                                               const std::string& name) {
    std::shared_ptr<ArchiveIndex> index(new ArchiveIndex(name));
    auto range = TRY(sys::seekable_range(fd));
    if (range && !TRY(store::is_compressed(fd, range->position))) {
        index->fd_ = fd;
        TRY(index->scan(range->position, range->size - range->position));
        return index;
    }
    auto plain =
        TRY(store::decompress(std::make_unique<store::FdSource>(fd, name), kMaxArchive, name));
    std::string path = spool + "/archive";
    auto dir = TRY(sys::open_dir(spool));
    auto out = TRY(sys::create_file_at(dir.get(), "archive", 0600));
    std::int64_t size = TRY(store::copy_all(*plain, [&](store::Bytes bytes) {
        return sys::write_all(out.get(),
                              {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
    }));
    index->spooled_ = TRY(sys::open_file(path));
    index->fd_ = index->spooled_.get();
    TRY(index->scan(0, size));
    return index;
}

Result<> ArchiveIndex::scan(std::int64_t begin, std::int64_t size) {
    store::RangeSource source(fd_, begin, size, name_);
    store::TarLimits limits;
    limits.entries = kMaxFiles;
    limits.payload = kMaxArchive;
    store::TarReader reader(source, limits, name_);
    while (auto entry = TRY(reader.next())) {
        std::string path = normalise(entry->path);
        switch (entry->kind) {
            case store::TarKind::file:
                TRY(add(path, Range{begin + reader.payload_position(), entry->size}, {}));
                break;
            case store::TarKind::hard_link: TRY(add(path, {}, normalise(entry->link))); break;
            case store::TarKind::symlink:
                TRY(add(path, {}, normalise(directory_of(path) + entry->link)));
                break;
            case store::TarKind::dir: break;
            default:
                return fail(Code::corrupt, name_ + " holds a device or a pipe: " + entry->path);
        }
    }
    return {};
}

Result<> ArchiveIndex::add(const std::string& path, std::optional<Range> range, std::string link) {
    if (!files_.try_emplace(path, File{range, std::move(link)}).second)
        return fail(Code::corrupt, name_ + " holds '" + path + "' twice");
    return {};
}

bool ArchiveIndex::has(const std::string& path) const { return files_.contains(path); }

Result<ArchiveIndex::Range> ArchiveIndex::find(const std::string& path) const {
    std::string at = normalise(path);
    for (int i = 0; i <= kMaxLinks; ++i) {
        auto found = files_.find(at);
        if (found == files_.end())
            return fail(Code::corrupt, name_ + " has no file '" + path + "'");
        if (found->second.range) return *found->second.range;
        at = found->second.link;
    }
    return fail(Code::corrupt, "'" + path + "' in " + name_ + " is a chain of links");
}

Result<Files::Opened> ArchiveIndex::open(const std::string& path) const {
    Range range = TRY(find(path));
    return Opened{std::make_unique<store::RangeSource>(fd_, range.offset, range.size, path),
                  range.size};
}

}  // namespace crank::exchange
