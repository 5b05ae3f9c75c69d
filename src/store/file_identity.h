// What makes two regular files the same, and a hash that finds files which may be. Internal to
// store. docs/decisions/0016.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "store/byte_source.h"
#include "store/tar_format.h"

namespace crank::store {

// Everything that can be told of a file but its name and content.
struct FileIdentity {
    std::uint32_t mode = 0;  // 07777
    std::int64_t uid = 0, gid = 0;
    std::int64_t size = 0;
    std::int64_t mtime = 0;
    std::uint32_t mtime_ns = 0;
    std::map<std::string, std::string> xattrs;  // those that are content (overlay.h)
    bool operator==(const FileIdentity&) const = default;
};
FileIdentity identity_of(const TarEntry& entry);
struct FoundFile {
    FileIdentity identity;
    std::uint64_t inode = 0, links = 0;
};
// Errors: invalid_argument where it is no regular file.
Result<FoundFile> identify(int dirfd, const std::string& name);

// Of the identity, then the content. It is a hint: whoever shares a file compares it (XXH3, which
// an attacker can make collide).
using FileHash = std::uint64_t;
class FileHasher {
public:
    explicit FileHasher(const FileIdentity& file);
    ~FileHasher();
    void update(Bytes bytes);
    FileHash finish() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};
// As the file stands in a tree.
Result<FileHash> hash_of_file(int dirfd, const std::string& name);

// Whether the files hold the same bytes; `size` of each.
Result<bool> same_content(int fd, Bytes content);
Result<bool> same_content(int fd, int other, std::int64_t size);

// Whether a layer's file at `path` is to be shared. Empty files have nothing to share. cron refuses
// tables that have several links (Debian's cron 3.0, "NUMBER OF HARD LINKS > 1").
bool is_shareable(const std::string& path, std::int64_t size);

}  // namespace crank::store
