// One inode for all files that are the same: the regular files of layer trees are hard links to
// entries of the pool, o/XX/<62 digits>. Internal to store. docs/decisions/0016.
//
// The pool is an index and owns nothing: each layer's tree is whole without it. Whoever removes an
// entry that another process is about to use costs sharing, never data. An entry with one link
// belongs to nobody.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "oci/digest.h"
#include "store/byte_source.h"
#include "store/tar_format.h"
#include "sys/link.h"
#include "sys/unique_fd.h"

namespace crank::store {

// What names an entry. `turn` counts the files of one layer that are the same, from 0: those stay
// apart, because two names of one inode within a layer read as hard links, in its tar and for
// `cp -a` in a container.
struct PoolKey {
    oci::Digest digest;
    std::uint32_t turn = 0;
    std::string path() const;  // below o/
    // Of a name that path() made, without the slash.
    static Result<PoolKey> parse(std::string_view digits);
    auto operator<=>(const PoolKey&) const = default;
};

// SHA-256 over version, mode, owner, modification time with nanoseconds, size, extended attributes
// that are content (overlay.h), then the content: files of one digest cannot be told apart.
class FileHasher {
public:
    explicit FileHasher(const TarEntry& file);
    void update(Bytes bytes) { hasher_.update(bytes); }
    oci::Digest finish() { return hasher_.finish(); }

private:
    oci::Hasher hasher_;
};

// FileHasher's digest of a regular file as it stands in a tree or in the pool.
Result<oci::Digest> digest_of_file(int dirfd, const std::string& name);

// Whether a layer's file at `path` is to be shared. Empty files have nothing to share. cron refuses
// tables that have several links (Debian's cron 3.0, "NUMBER OF HARD LINKS > 1").
bool is_shareable(const std::string& path, std::int64_t size);

class Pool {
public:
    // Makes what is missing of `root`/o.
    static Result<Pool> open(const std::string& root);

    // Links the entry as dirfd/name. missing and full: there is none to be had; exists: the name is
    // taken.
    Result<sys::LinkOutcome> take(const PoolKey& key, int dirfd, const std::string& name) const;
    enum class Shared {
        no,        // hard links are refused here
        given,     // the file is the entry now
        replaced,  // the entry took the file's place: the directory's time has changed
    };
    // Makes the finished file dirfd/name and the entry one inode, whichever was there first.
    Result<Shared> share(const PoolKey& key, int dirfd, const std::string& name) const;
    // Removes those of the entries that belong to nobody.
    Result<> drop_unused(const std::vector<PoolKey>& keys) const;
    // The same, looking at the whole pool.
    struct Swept {
        std::int64_t entries = 0, bytes = 0;  // bytes: on the disk
    };
    Result<Swept> sweep() const;
    int fd() const { return dir_.get(); }

private:
    explicit Pool(sys::UniqueFd dir) : dir_(std::move(dir)) {}
    Result<Shared> replace(const PoolKey& key, int dirfd, const std::string& name) const;
    sys::UniqueFd dir_;
};

// The entries that one layer uses, in l/N/keys: what is to be looked at when it goes.
class LayerKeys {
public:
    // The key of the next file of this layer that has the digest.
    PoolKey next(const oci::Digest& digest) { return {digest, turns_[digest]++}; }
    void add(const PoolKey& key) { keys_.push_back(key); }
    const std::vector<PoolKey>& all() const { return keys_; }
    // Writes the file `keys` into the directory.
    Result<> write(int dirfd) const;
    // Absent: a layer from before there was a pool.
    static Result<std::vector<PoolKey>> read(int dirfd);

private:
    std::map<oci::Digest, std::uint32_t> turns_;
    std::vector<PoolKey> keys_;
};

// A file of a tree that layer_tar.h has walked.
struct TreeFile {
    std::string path;
    std::uint64_t inode = 0;
    oci::Digest digest;  // of FileHasher; of a further hard link: its first name's
};
// Shares the tree's files and keeps its directories' times.
Result<> share_tree(const Pool& pool, LayerKeys& keys, int treefd,
                    const std::vector<TreeFile>& files);

}  // namespace crank::store
