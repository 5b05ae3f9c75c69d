// zstd:chunked: the annotations of a layer, its table, its tar-split, the parts that are asked for,
// and the answer. The first byte picks the reader; what it lets through keeps its promises.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "base/text.h"
#include "registry/byte_ranges.h"
#include "registry/chunked.h"
#include "store/tar_split.h"

using namespace crank;
using namespace crank::registry;

namespace {

void require(bool kept) {
    if (!kept) std::abort();
}

void check_order(const std::vector<BlobRange>& ranges, std::int64_t end) {
    std::int64_t last = 0;
    for (const BlobRange& range : ranges) {
        require(range.begin >= last && range.end > range.begin && range.end <= end);
        last = range.end;
    }
}

// Each range is inside one of those that it was brought together to.
void check_coalesced(const std::vector<BlobRange>& ranges, std::int64_t gap, std::size_t count) {
    auto parts = coalesce(ranges, gap, count);
    require(parts.size() <= count && parts.size() <= ranges.size());
    std::size_t part = 0;
    for (const BlobRange& range : ranges) {
        while (part < parts.size() && parts[part].end < range.end) ++part;
        require(part < parts.size() && parts[part].begin <= range.begin);
    }
}

void table(std::string_view text) {
    constexpr std::int64_t kEnd = 1000;
    auto out = parse_chunked_table(text, kEnd);
    if (!out) return;
    std::vector<BlobRange> ranges;
    for (const ChunkedFile& file : out->files) {
        require(file.size > 0);
        ranges.push_back(file.range);
    }
    check_order(ranges, kEnd);
    check_coalesced(ranges, static_cast<std::int64_t>(text.size() % 50), 1 + text.size() % 7);
}

// Three lines: the positions of the table and of the tar-split, a digest.
void place(std::string_view text) {
    auto lines = split(text, '\n');
    lines.resize(3);
    oci::Descriptor layer;
    layer.size = std::int64_t{1} << 40;
    const std::string prefix = "io.github.containers.zstd-chunked.";
    layer.annotations = {{prefix + "manifest-position", lines[0]},
                         {prefix + "tarsplit-position", lines[1]},
                         {prefix + "manifest-checksum", oci::Digest::of("").str()}};
    if (!lines[2].empty()) layer.annotations[prefix + "tarsplit-checksum"] = lines[2];
    auto out = parse_chunked_place(layer);
    if (!out) return;
    check_order({(*out)->table, (*out)->tar_split}, layer.size);
    require((*out)->table_size >= 0 && (*out)->table_size <= kMaxTable);
}

void ranges(std::string_view text) {
    constexpr std::int64_t kSize = 100'000;
    auto out = parse_ranges(text, kSize);
    if (!out) return;
    check_order(*out, kSize);
    require(parse_ranges(text_of(*out), kSize) == *out);
    check_coalesced(*out, 10, 5);
}

// The parts that a server sends: no byte more than was asked for, and what is missing is the rest.
void answer(std::string_view text) {
    ByteRanges ranges({{0, 5}, {10, 12}, {90, 100}}, 100);
    std::int64_t got = 0;
    auto sink = [&](ByteRanges::Bytes bytes) -> Result<> {
        got += static_cast<std::int64_t>(bytes.size());
        return {};
    };
    require(ranges.begin("multipart/byteranges; boundary=x", "").has_value());
    while (!text.empty()) {
        auto piece = text.substr(0, 1 + text.size() % 9);
        text.remove_prefix(piece.size());
        if (!ranges.feed({reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size()}, sink))
            break;
    }
    for (const BlobRange& range : ranges.missing()) got += range.size();
    require(got == 17);
}

void tar_split(std::string_view text) {
    auto open = [](const std::string& path) -> Result<store::TarSplitFile> {
        if (path != "f") return fail(Code::corrupt, "no file");
        return store::TarSplitFile{std::make_unique<store::TextSource>("content"), 7};
    };
    auto tar =
        store::join_tar_split(std::make_unique<store::TextSource>(std::string(text)), open, "it");
    (void)store::copy_all(*tar, [](store::Bytes) -> Result<> { return {}; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 5) {
        case 0: table(text); break;
        case 1: place(text); break;
        case 2: ranges(text); break;
        case 3: answer(text); break;
        default: tar_split(text); break;
    }
    return 0;
}
