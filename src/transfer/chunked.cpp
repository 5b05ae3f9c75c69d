#include "transfer/chunked.h"

#include <algorithm>
#include <cstring>

#include "store/tar_split.h"

namespace crank::transfer {

using registry::BlobRange;

namespace {

// To ask for another part costs about as much as these bytes.
constexpr std::int64_t kGap = std::int64_t{4} << 10;
constexpr std::int64_t kSmall = std::int64_t{64} << 10;      // blobs that are not worth looking at
constexpr std::int64_t kMaxRecords = std::int64_t{1} << 30;  // of a tar-split, decompressed

// Parts of a blob as they come over a channel, read in order.
class Parts {
public:
    Parts(Channel& channel, std::vector<BlobRange> parts, ChunkedLayer::Moved moved)
        : channel_(channel), parts_(std::move(parts)), moved_(std::move(moved)) {
        if (!parts_.empty()) at_ = parts_.front().begin;
    }

    // Passes over what lies between, which nobody wanted but was cheaper to fetch.
    Result<> advance(std::int64_t to) {
        while (at_ < to) {
            if (part_ < parts_.size() && at_ == parts_[part_].end) {
                if (++part_ < parts_.size()) at_ = parts_[part_].begin;
                continue;
            }
            std::int64_t left = part_ < parts_.size() ? std::min(to, parts_[part_].end) - at_ : 0;
            if (left <= 0) break;
            TRY(fill());
            take(static_cast<std::size_t>(std::min(left, static_cast<std::int64_t>(rest_.size()))));
        }
        if (at_ != to) return fail(Code::internal, "a part of the blob was not asked for");
        return {};
    }
    Result<std::size_t> read(std::span<std::uint8_t> out) {
        TRY(fill());
        std::size_t n = std::min(out.size(), rest_.size());
        std::memcpy(out.data(), rest_.data(), n);
        take(n);
        return n;
    }

private:
    Result<> fill() {
        if (!rest_.empty()) return {};
        rest_ = TRY(channel_.next());
        if (rest_.empty()) return fail(Code::corrupt, "the registry sent less than was asked for");
        return moved_(static_cast<std::int64_t>(rest_.size()));
    }
    void take(std::size_t n) {
        rest_ = rest_.subspan(n);
        at_ += static_cast<std::int64_t>(n);
    }

    Channel& channel_;
    std::vector<BlobRange> parts_;
    ChunkedLayer::Moved moved_;
    std::size_t part_ = 0;
    std::int64_t at_ = 0;
    Bytes rest_;
};

// One of the ranges that the parts hold.
class RangeOfParts : public store::ByteSource {
public:
    RangeOfParts(std::shared_ptr<Parts> parts, BlobRange range)
        : parts_(std::move(parts)), range_(range) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        auto want = std::min<std::int64_t>(range_.size(), static_cast<std::int64_t>(out.size()));
        if (want == 0) return 0;
        TRY(parts_->advance(range_.begin));
        std::size_t n = TRY(parts_->read(out.first(static_cast<std::size_t>(want))));
        range_.begin += static_cast<std::int64_t>(n);
        return n;
    }

private:
    std::shared_ptr<Parts> parts_;
    BlobRange range_;
};

// A text that several may read.
class SharedText : public store::ByteSource {
public:
    explicit SharedText(std::shared_ptr<const std::string> text)
        : text_(std::move(text)), rest_(*text_) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        std::size_t n = std::min(out.size(), rest_.size());
        std::copy_n(rest_.begin(), n, out.begin());
        rest_.remove_prefix(n);
        return n;
    }

private:
    std::shared_ptr<const std::string> text_;
    std::string_view rest_;
};

std::int64_t sum_of(const std::vector<BlobRange>& ranges) {
    std::int64_t sum = 0;
    for (const BlobRange& range : ranges) sum += range.size();
    return sum;
}

Result<> check(std::string_view bytes, const oci::Digest& expected, const char* what) {
    oci::Digest digest = oci::Digest::of(bytes);
    if (digest == expected) return {};
    return fail(Code::corrupt, std::string(what) + " of the layer has the digest " + digest.str());
}

}  // namespace

// The files' contents, in the order of the table, which has to be the tar's.
struct ChunkedLayer::Content {
    std::shared_ptr<const store::KnownFiles> known;
    std::shared_ptr<const std::vector<File>> files;
    std::shared_ptr<Parts> parts;
    std::size_t next = 0;

    Result<store::TarSplitFile> open(const std::string& path) {
        if (next == files->size() || (*files)[next].chunked.name != path)
            return fail(Code::corrupt,
                        "the layer's table and its tar-split differ at '" + path + "'");
        const File& file = (*files)[next++];
        std::int64_t size = file.chunked.size;
        if (file.here) return store::TarSplitFile{TRY(known->open(*file.here)), size};
        return store::TarSplitFile{
            TRY(store::decompress(std::make_unique<RangeOfParts>(parts, file.chunked.range), size,
                                  "'" + path + "'", store::Formats::of_images)),
            size};
    }
};

Result<std::optional<ChunkedLayer>> ChunkedLayer::plan(Channel& channel, const Fields& place,
                                                       const oci::Descriptor& layer,
                                                       store::Store& store,
                                                       const std::string& repository) {
    auto tables = TRY(registry::parse_chunked_place(layer));
    std::int64_t tables_size = tables ? tables->table.size() + tables->tar_split.size() : 0;
    if (!tables || layer.size < kSmall || tables_size > layer.size / 2)
        return std::optional<ChunkedLayer>();
    auto known = TRY(store.known_files(repository));
    if (known.empty()) return std::optional<ChunkedLayer>();
    Fields request = place;
    request.insert(
        {{"op", "parts"}, {"digest", layer.digest.str()}, {"size", std::to_string(layer.size)}});
    ChunkedLayer out(std::move(request), std::move(known));
    TRY(out.read_tables(channel, *tables));
    // Streaming all of it keeps the registry and the disk busy at once.
    if (out.bytes() + tables_size > layer.size / 4 * 3) return std::optional<ChunkedLayer>();
    return std::optional(std::move(out));
}

Result<> ChunkedLayer::read_tables(Channel& channel, const registry::ChunkedPlace& place) {
    request_["parts"] = registry::text_of(std::vector{place.table, place.tar_split});
    auto table_size = static_cast<std::size_t>(place.table.size());
    auto size = table_size + static_cast<std::size_t>(place.tar_split.size());
    std::string data;
    data.reserve(size);
    TRY(channel.ask(request_, &data, size));
    if (data.size() != size)
        return fail(Code::corrupt, "the registry sent less than was asked for");
    std::string packed(data, 0, table_size);
    data.erase(0, table_size);
    tar_split_ = std::make_shared<const std::string>(std::move(data));
    TRY(check(packed, place.table_digest, "the table"));
    auto plain =
        TRY(store::decompress(std::make_unique<store::TextSource>(std::move(packed)),
                              place.table_size, "the layer's table", store::Formats::of_images));
    std::string json = TRY(
        store::read_all(*plain, static_cast<std::size_t>(place.table_size), "the layer's table"));
    auto table = TRY(registry::parse_chunked_table(json, place.table.begin));
    auto digest = table.tar_split_digest ? table.tar_split_digest : place.tar_split_digest;
    if (!digest) return fail(Code::unsupported, "the layer's tar-split has no digest");
    TRY(check(*tar_split_, *digest, "the tar-split"));
    look_for(std::move(table.files));
    return {};
}

void ChunkedLayer::look_for(std::vector<registry::ChunkedFile> files) {
    std::vector<BlobRange> missing;
    for (registry::ChunkedFile& file : files) {
        auto here = known_->find(file.name, file.size, file.digest);
        if (!here) missing.push_back(file.range);
        files_->push_back({std::move(file), std::move(here)});
    }
    parts_ = registry::coalesce(std::move(missing), kGap, registry::kMaxParts);
    request_["parts"] = registry::text_of(parts_);
}

std::int64_t ChunkedLayer::bytes() const { return sum_of(parts_); }

Result<store::Store::Read> ChunkedLayer::stream(Channel& channel, Moved moved) const {
    if (!parts_.empty()) TRY(channel.begin(request_));
    auto content = std::make_shared<Content>(
        known_, files_, std::make_shared<Parts>(channel, parts_, std::move(moved)));
    auto records = TRY(store::decompress(std::make_unique<SharedText>(tar_split_), kMaxRecords,
                                         "the layer's tar-split", store::Formats::of_images));
    std::shared_ptr<store::ByteSource> tar = store::join_tar_split(
        std::move(records), [content](const std::string& path) { return content->open(path); },
        "the layer");
    return [tar](std::span<std::uint8_t> out) { return tar->read(out); };
}

}  // namespace crank::transfer
