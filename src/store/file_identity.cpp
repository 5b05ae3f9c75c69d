#include "store/file_identity.h"

#include <xxhash.h>

#include <algorithm>
#include <new>
#include <vector>

#include "store/overlay.h"
#include "sys/attributes.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10;

}  // namespace

FileIdentity identity_of(const TarEntry& entry) {
    FileIdentity out{entry.mode & 07777, entry.uid,      entry.gid, entry.size,
                     entry.mtime,        entry.mtime_ns, {}};
    for (const auto& [key, value] : entry.xattrs)
        if (is_content_xattr(key)) out.xattrs.emplace(key, value);
    return out;
}

Result<FoundFile> identify(int dirfd, const std::string& name) {
    auto found = TRY(sys::attributes_at(dirfd, name));
    if (!found.is_regular()) return fail(Code::invalid_argument, name + " is no regular file");
    FoundFile out{
        {found.mode & 07777, found.uid, found.gid, found.size, found.mtime, found.mtime_ns, {}},
        found.inode,
        found.links};
    for (const std::string& key : TRY(sys::list_xattrs_at(dirfd, name)))
        if (is_content_xattr(key))
            if (auto value = TRY(sys::get_xattr_at(dirfd, name, key)))
                out.identity.xattrs[key] = *value;
    return out;
}

struct FileHasher::State {
    XXH3_state_t* hash = ::XXH3_createState();
    State() {
        if (hash == nullptr) throw std::bad_alloc();
    }
    ~State() { ::XXH3_freeState(hash); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
};

FileHasher::FileHasher(const FileIdentity& file) : state_(std::make_unique<State>()) {
    ::XXH3_64bits_reset(state_->hash);
    std::string head;
    for (std::int64_t number : {static_cast<std::int64_t>(file.mode), file.uid, file.gid,
                                file.mtime, static_cast<std::int64_t>(file.mtime_ns), file.size})
        head.append(reinterpret_cast<const char*>(&number), sizeof number);
    for (const auto& [key, value] : file.xattrs)
        for (const std::string& text : {key, value}) {
            std::uint64_t length = text.size();
            head.append(reinterpret_cast<const char*>(&length), sizeof length);
            head += text;
        }
    update(bytes_of(head));
}
FileHasher::~FileHasher() = default;

void FileHasher::update(Bytes bytes) {
    ::XXH3_64bits_update(state_->hash, bytes.data(), bytes.size());
}

FileHash FileHasher::finish() const { return ::XXH3_64bits_digest(state_->hash); }

Result<FileHash> hash_of_file(int dirfd, const std::string& name) {
    FoundFile found = TRY(identify(dirfd, name));
    FileHasher hasher(found.identity);
    auto file = TRY(sys::open_file_at(dirfd, name));
    FdSource source(file.get(), name);
    TRY(copy_all(source, [&](Bytes bytes) -> Result<> {
        hasher.update(bytes);
        return {};
    }));
    return hasher.finish();
}

namespace {

// Fills `out` from `at`; fewer bytes at the end.
Result<std::size_t> read_full_at(int fd, std::int64_t at, std::span<std::uint8_t> out) {
    std::size_t have = 0;
    while (have < out.size()) {
        std::size_t n = TRY(sys::read_some_at(fd, at + static_cast<std::int64_t>(have),
                                              out.subspan(have), "a stored file"));
        if (n == 0) break;
        have += n;
    }
    return have;
}

}  // namespace

Result<bool> same_content(int fd, Bytes content) {
    std::vector<std::uint8_t> buffer(std::min(content.size(), kChunk));
    for (std::size_t at = 0; at < content.size(); at += buffer.size()) {
        Bytes want = content.subspan(at, std::min(buffer.size(), content.size() - at));
        std::size_t n = TRY(
            read_full_at(fd, static_cast<std::int64_t>(at), std::span(buffer).first(want.size())));
        if (n != want.size() || !std::ranges::equal(want, Bytes(buffer).first(n))) return false;
    }
    return true;
}

Result<bool> same_content(int fd, int other, std::int64_t size) {
    std::vector<std::uint8_t> buffer(kChunk), wanted(kChunk);
    for (std::int64_t at = 0; at < size; at += static_cast<std::int64_t>(kChunk)) {
        std::size_t n = TRY(read_full_at(fd, at, buffer));
        std::size_t m = TRY(read_full_at(other, at, wanted));
        if (n == 0 || n != m ||
            !std::equal(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(n),
                        wanted.begin()))
            return false;
    }
    return true;
}

bool is_shareable(const std::string& path, std::int64_t size) {
    if (size == 0) return false;
    return path != "etc/crontab" && !path.starts_with("etc/cron.") &&
           !path.starts_with("var/spool/cron/");
}

}  // namespace crank::store
