// zstd:chunked: a layer whose files are zstd frames of their own, with a table that says where each
// lies and what its digest is. Pure; everything here is hostile input.
//
// The blob is an ordinary zstd stream for whoever does not know the table: that and the tar-split
// (store/tar_split.h) stand in frames that a decoder skips. Where they are stands in the
// annotations of the layer's descriptor (github.com/containers/storage, pkg/chunked). The blob's
// last frame repeats that; nobody has to read it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/digest.h"
#include "oci/image.h"

namespace crank::registry {

// Bytes [begin, end) of a blob.
struct BlobRange {
    std::int64_t begin = 0, end = 0;
    std::int64_t size() const { return end - begin; }
    bool operator==(const BlobRange&) const = default;
};

inline constexpr std::int64_t kMaxTable = std::int64_t{64} << 20;     // bytes, decompressed
inline constexpr std::int64_t kMaxTarSplit = std::int64_t{64} << 20;  // bytes, compressed
inline constexpr std::size_t kMaxTableEntries = 1'000'000;

// What the annotations of a layer say.
struct ChunkedPlace {
    BlobRange table, tar_split;
    std::int64_t table_size = 0;  // decompressed
    oci::Digest table_digest;     // of the compressed table
    // Of the compressed tar-split, where it stands here; newer writers have it in the table.
    std::optional<oci::Digest> tar_split_digest;
};
// nothing: the layer has no table and tar-split. Errors: corrupt (positions that are none, lie
// outside the blob or in each other), exhausted (they are too large).
Result<std::optional<ChunkedPlace>> parse_chunked_place(const oci::Descriptor& layer);

// A regular file that is not empty, in the table's order.
struct ChunkedFile {
    std::string name;  // as the tar has it
    std::int64_t size = 0;
    oci::Digest digest;  // of its content
    BlobRange range;     // zstd frames that hold all of it
};
struct ChunkedTable {
    std::vector<ChunkedFile> files;
    std::optional<oci::Digest> tar_split_digest;
};
// `json`: decompressed. The ranges are in order, apart from each other and in front of `end`: all
// of them together are less than the blob. Errors: corrupt, exhausted, unsupported (another
// version).
Result<ChunkedTable> parse_chunked_table(std::string_view json, std::int64_t end);

// Neighbours whose gap is at most `gap` bytes become one; then those with the smallest gaps, until
// at most `count` are left. `ranges` are in order and apart from each other.
std::vector<BlobRange> coalesce(std::vector<BlobRange> ranges, std::int64_t gap, std::size_t count);

// "0-10,20-30", as crank asks crank-net for it. Errors: internal, where they are not in order,
// apart and within a blob of `size` bytes, or more than kMaxParts.
inline constexpr std::size_t kMaxParts = 4096;
std::string text_of(const std::vector<BlobRange>& ranges);
Result<std::vector<BlobRange>> parse_ranges(std::string_view text, std::int64_t size);

}  // namespace crank::registry
