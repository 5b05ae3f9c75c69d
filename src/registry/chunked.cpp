#include "registry/chunked.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "oci/json_reader.h"

namespace crank::registry {

namespace {

constexpr std::string_view kPrefix = "io.github.containers.zstd-chunked.";
constexpr std::int64_t kTableType = 1;  // the fourth number of its position
constexpr std::int64_t kVersion = 1;

std::unexpected<Error> bad_table(const std::string& what) {
    return fail(Code::corrupt, "the table of the layer's files " + what);
}

const std::string* annotation(const oci::Descriptor& layer, std::string_view name) {
    auto at = layer.annotations.find(std::string(kPrefix) + std::string(name));
    return at == layer.annotations.end() ? nullptr : &at->second;
}

// "offset:size:decompressed size[:type]"
Result<std::vector<std::int64_t>> numbers(const std::string& text, std::size_t count) {
    std::vector<std::int64_t> out;
    for (const std::string& part : split(text, ':')) {
        auto number = parse_int(part);
        if (!number || *number < 0) break;
        out.push_back(*number);
    }
    if (out.size() != count || split(text, ':').size() != count)
        return fail(Code::corrupt, "the layer's annotations name no position of its table");
    return out;
}

Result<BlobRange> range_in(std::int64_t begin, std::int64_t size, std::int64_t blob) {
    if (begin > blob || size > blob - begin || size == 0)
        return fail(Code::corrupt, "the layer's table is said to lie outside the blob");
    return BlobRange{begin, begin + size};
}

// The fields of the table's entries that are of use, as they come. Positions by depth: the document
// is 1, "entries" 2, an entry 3.
class TableReader : public nlohmann::json_sax<nlohmann::json> {
public:
    explicit TableReader(std::int64_t end) : end_(end) {}

    Result<ChunkedTable> finish() {
        if (error_) return fail(*std::move(error_));
        if (!version_) return bad_table("has no version");
        return std::move(table_);
    }

    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t value) override { return number(value); }
    bool number_unsigned(number_unsigned_t value) override {
        return number(value > static_cast<number_unsigned_t>(INT64_MAX)
                          ? -1
                          : static_cast<std::int64_t>(value));
    }
    bool number_float(number_float_t, const string_t&) override { return number(-1); }
    bool string(string_t& value) override {
        if (depth_ == 1 && key_ == "tarSplitDigest") return set_digest(value);
        if (!in_entry()) return true;
        if (key_ == "type")
            entry_.type = std::move(value);
        else if (key_ == "name")
            entry_.name = std::move(value);
        else if (key_ == "digest")
            entry_.digest = std::move(value);
        return true;
    }
    bool binary(binary_t&) override { return true; }
    bool start_object(std::size_t) override {
        if (++depth_ == 3 && in_entries_) entry_ = {};
        return depth_ < static_cast<int>(oci::kMaxJsonDepth) || stop("is nested too deep");
    }
    bool key(string_t& name) override {
        key_ = std::move(name);
        if (depth_ == 1) return first_time(seen_, {"version", "entries", "tarSplitDigest"});
        if (!in_entry()) return true;
        return first_time(entry_.seen, {"type", "name", "digest", "size", "offset", "endOffset"});
    }
    bool end_object() override { return depth_-- != 3 || !in_entries_ || take(std::move(entry_)); }
    bool start_array(std::size_t) override {
        if (++depth_ == 2 && key_ == "entries") in_entries_ = true;
        return depth_ < static_cast<int>(oci::kMaxJsonDepth) || stop("is nested too deep");
    }
    bool end_array() override {
        if (depth_-- == 2) in_entries_ = false;
        return true;
    }
    bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
        return stop("is no JSON");
    }

private:
    struct Entry {
        std::string type, name, digest;
        std::int64_t size = 0, begin = 0, end = 0;
        unsigned seen = 0;
    };
    bool in_entry() const { return depth_ == 3 && in_entries_; }

    bool stop(const std::string& what, Code code = Code::corrupt) {
        if (!error_) error_ = bad_table(what).error().with_code(code);
        return false;
    }
    // Of two values of one name, two readers would take different ones.
    bool first_time(unsigned& seen, std::initializer_list<std::string_view> names) {
        const auto* at = std::ranges::find(names, std::string_view(key_));
        if (at == names.end()) return true;
        unsigned bit = 1U << (at - names.begin());
        if ((seen & bit) != 0) return stop("has '" + key_ + "' twice in one place");
        seen |= bit;
        return true;
    }
    bool number(std::int64_t value) {
        if (depth_ == 1 && key_ == "version") {
            version_ = value;
            return value == kVersion ||
                   stop("is of version " + std::to_string(value), Code::unsupported);
        }
        if (!in_entry()) return true;
        if (key_ == "size") entry_.size = value;
        if (key_ == "offset") entry_.begin = value;
        if (key_ == "endOffset") entry_.end = value;
        return true;
    }
    bool set_digest(const std::string& text) {
        auto digest = oci::Digest::parse(text);
        if (!digest) return stop("names a tar-split that has no digest");
        table_.tar_split_digest = *digest;
        return true;
    }
    bool take(Entry entry) {
        if (++entries_ > kMaxTableEntries)
            return stop("has more than a million entries", Code::exhausted);
        // A "chunk" is a part of the file before it, whose range holds all of them.
        if (entry.type != "reg" || entry.size == 0) return true;
        auto digest = oci::Digest::parse(entry.digest);
        if (entry.size < 0 || !digest) return stop("has a file without a size and a digest");
        if (entry.begin < last_ || entry.end <= entry.begin || entry.end > end_)
            return stop("has ranges that overlap, or lie outside the blob");
        last_ = entry.end;
        table_.files.push_back(
            {std::move(entry.name), entry.size, *digest, {entry.begin, entry.end}});
        return true;
    }

    std::int64_t end_, last_ = 0;
    ChunkedTable table_;
    std::optional<Error> error_;
    std::optional<std::int64_t> version_;
    std::string key_;
    Entry entry_;
    unsigned seen_ = 0;
    std::size_t entries_ = 0;
    int depth_ = 0;
    bool in_entries_ = false;
};

}  // namespace

Result<std::optional<ChunkedPlace>> parse_chunked_place(const oci::Descriptor& layer) {
    const std::string* table = annotation(layer, "manifest-position");
    const std::string* digest = annotation(layer, "manifest-checksum");
    const std::string* tar_split = annotation(layer, "tarsplit-position");
    if (table == nullptr || digest == nullptr || tar_split == nullptr)
        return std::optional<ChunkedPlace>();
    ChunkedPlace out;
    auto at = TRY(numbers(*table, 4));
    if (at[3] != kTableType)
        return fail(Code::unsupported, "the layer's table is of another type than 1");
    out.table = TRY(range_in(at[0], at[1], layer.size));
    out.table_size = at[2];
    if (out.table_size > kMaxTable || out.table.size() > kMaxTable)
        return fail(Code::exhausted, "the table of the layer's files is larger than 64 MiB");
    out.table_digest = TRY(oci::Digest::parse(*digest));
    auto split_at = TRY(numbers(*tar_split, 3));
    out.tar_split = TRY(range_in(split_at[0], split_at[1], layer.size));
    if (out.tar_split.size() > kMaxTarSplit)
        return fail(Code::exhausted, "the layer's tar-split is larger than 64 MiB");
    if (out.tar_split.begin < out.table.end)
        return fail(Code::corrupt, "the layer's tar-split does not stand behind its table");
    if (const std::string* text = annotation(layer, "tarsplit-checksum"))
        out.tar_split_digest = TRY(oci::Digest::parse(*text));
    return std::optional(std::move(out));
}

Result<ChunkedTable> parse_chunked_table(std::string_view json, std::int64_t end) {
    if (json.size() > static_cast<std::size_t>(kMaxTable))
        return fail(Code::exhausted, "the table of the layer's files is larger than 64 MiB");
    TableReader reader(end);
    // What it makes of the text is all in the reader.
    (void)nlohmann::json::sax_parse(json, &reader);
    return reader.finish();
}

std::vector<BlobRange> coalesce(std::vector<BlobRange> ranges, std::int64_t gap,
                                std::size_t count) {
    std::vector<std::int64_t> gaps;
    for (std::size_t i = 1; i < ranges.size(); ++i)
        gaps.push_back(ranges[i].begin - ranges[i - 1].end);
    std::ranges::sort(gaps);
    // The smallest gaps go, as many as there are too many: those below `limit`, and so many like
    // it.
    std::int64_t limit = 0, like_it = 0;
    if (ranges.size() > count) {
        auto end = gaps.begin() + static_cast<std::ptrdiff_t>(ranges.size() - count);
        limit = *(end - 1);
        like_it = std::count(gaps.begin(), end, limit);
    }
    std::vector<BlobRange> out;
    for (const BlobRange& range : ranges) {
        std::int64_t between = out.empty() ? INT64_MAX : range.begin - out.back().end;
        bool joined = between <= gap || between < limit;
        if (between == limit && like_it > 0) joined = like_it-- > 0;
        if (joined)
            out.back().end = range.end;
        else
            out.push_back(range);
    }
    return out;
}

std::string text_of(const std::vector<BlobRange>& ranges) {
    std::string out;
    for (const BlobRange& range : ranges)
        out += (out.empty() ? "" : ",") + std::to_string(range.begin) + "-" +
               std::to_string(range.end);
    return out;
}

Result<std::vector<BlobRange>> parse_ranges(std::string_view text, std::int64_t size) {
    std::vector<BlobRange> out;
    std::int64_t last = 0;
    for (const std::string& part : split(text, ',')) {
        std::size_t dash = part.find('-');
        auto begin = parse_int(part.substr(0, dash));
        auto end = dash == std::string::npos ? std::nullopt : parse_int(part.substr(dash + 1));
        if (!begin || !end || *begin < last || *end <= *begin || *end > size ||
            out.size() == kMaxParts)
            return fail(Code::internal, "'" + part + "' is no part of a blob");
        out.push_back({*begin, *end});
        last = *end;
    }
    return out;
}

}  // namespace crank::registry
