// Files that layers of the store have already, found by where they would be and proven by content.
// For transfer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/byte_source.h"
#include "sys/unique_fd.h"

namespace crank::store {

// Used by one thread, no longer than its Store lives. What shares files between layers cannot be
// asked: it goes by mode, owner and times, too (docs/decisions/0016). So the same path is looked at
// in the layers that are likely to have the file, and what is found counts where its content has
// the digest.
class KnownFiles {
public:
    static constexpr std::size_t kMaxLayers = 32;
    static constexpr std::int64_t kMostInVain = std::int64_t{1} << 30;
    // `trees`: absolute paths, the likeliest first; what cannot be opened is left out. After
    // `most_in_vain` bytes of files that had the name and the size but not the digest, nothing is
    // found any more: who wrote the table chose all three.
    explicit KnownFiles(const std::vector<std::string>& trees,
                        std::int64_t most_in_vain = kMostInVain);

    bool empty() const { return layers_.empty(); }
    struct Place {
        std::size_t layer = 0;
        std::string path;
        std::int64_t size = 0;
    };
    // `name`: a tar's, hostile; nothing where it leads out of the tree. Calls for files of one
    // directory are best made one after the other.
    std::optional<Place> find(const std::string& name, std::int64_t size,
                              const oci::Digest& digest);
    Result<std::unique_ptr<ByteSource>> open(const Place& place) const;

private:
    struct Layer {
        sys::UniqueFd tree;
        std::optional<sys::UniqueFd> directory;  // of directory_; absent: not tried
    };
    bool has(Layer& layer, const std::string& name, std::int64_t size, const oci::Digest& digest);
    std::vector<Layer> layers_;
    std::vector<std::size_t> order_;  // the one that had the last file first
    std::string directory_;
    std::int64_t in_vain_left_;
    std::vector<std::uint8_t> buffer_;
};

}  // namespace crank::store
