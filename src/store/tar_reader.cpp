#include "store/tar_reader.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/text.h"

namespace crank::store {

namespace {

bool all_zero(Bytes bytes) {
    return std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; });
}

// A field that ends at its first NUL or fills its width.
std::string text_field(std::span<const std::uint8_t> field) {
    auto end = std::ranges::find(field, std::uint8_t{0});
    return std::string(field.begin(), end);
}

bool checksum_holds(Bytes block, std::int64_t stated) {
    std::int64_t plain = 0, with_sign = 0;  // some old writers summed signed characters
    for (std::size_t i = 0; i < block.size(); ++i) {
        std::uint8_t byte = i >= 148 && i < 156 ? ' ' : block[i];
        plain += byte;
        with_sign += static_cast<std::int8_t>(byte);
    }
    return stated == plain || stated == with_sign;
}

}  // namespace

TarReader::TarReader(ByteSource& source, const TarLimits& limits, std::string name)
    : source_(source), limits_(limits), name_(std::move(name)), buffer_(limits.buffer) {}

std::unexpected<Error> TarReader::corrupt(const std::string& what) const {
    std::string where = current_.empty() ? ""
                                         : " (entry " + std::to_string(entries_) + ", '" +
                                               current_.substr(0, 200) + "')";
    return fail(Code::corrupt, name_ + " is not a valid tar archive: " + what + where);
}

std::unexpected<Error> TarReader::unsupported(const std::string& what) const {
    return fail(Code::unsupported, name_ + " holds " + what + ", which crank does not read");
}

// Into the empty buffer; 0: the end.
Result<std::size_t> TarReader::fill() {
    buffer_at_ = 0;
    buffer_end_ = TRY(source_.read(buffer_));
    return buffer_end_;
}

Result<std::size_t> TarReader::read_raw(std::span<std::uint8_t> out) {
    if (buffer_at_ == buffer_end_) {
        if (out.size() >= buffer_.size()) {
            std::size_t n = TRY(source_.read(out));
            position_ += static_cast<std::int64_t>(n);
            return n;
        }
        TRY(fill());
    }
    std::size_t n = std::min(out.size(), buffer_end_ - buffer_at_);
    std::memcpy(out.data(), buffer_.data() + buffer_at_, n);
    buffer_at_ += n;
    position_ += static_cast<std::int64_t>(n);
    return n;
}

Result<bool> TarReader::read_block(Block& block) {
    std::size_t have = 0;
    while (have < block.size()) {
        std::size_t n = TRY(read_raw(std::span(block).subspan(have)));
        if (n == 0 && have == 0) return false;
        if (n == 0) return corrupt("it ends inside a header");
        have += n;
    }
    if (structure_) TRY(structure_(block));
    return true;
}

Result<> TarReader::read_structure(std::span<std::uint8_t> out) {
    std::size_t have = 0;
    while (have < out.size()) {
        std::size_t n = TRY(read_raw(out.subspan(have)));
        if (n == 0) return corrupt("it is cut short");
        have += n;
    }
    if (structure_) return structure_(out);
    return {};
}

Result<std::size_t> TarReader::read(std::span<std::uint8_t> out) {
    if (payload_left_ == 0) return 0;
    auto want = std::min<std::int64_t>(payload_left_, static_cast<std::int64_t>(out.size()));
    std::size_t n = TRY(read_raw(out.first(static_cast<std::size_t>(want))));
    if (n == 0) return corrupt("it is cut short");
    payload_left_ -= static_cast<std::int64_t>(n);
    return n;
}

Result<> TarReader::finish_payload() {
    if (payload_left_ > 0) {
        auto buffered = std::min<std::int64_t>(payload_left_,
                                               static_cast<std::int64_t>(buffer_end_ - buffer_at_));
        buffer_at_ += static_cast<std::size_t>(buffered);
        std::int64_t rest = payload_left_ - buffered;
        std::int64_t skipped = rest == 0 ? 0 : TRY(source_.skip(rest));
        if (skipped != rest) return corrupt("it is cut short");
        position_ += payload_left_;
        payload_left_ = 0;
    }
    if (padding_left_ > 0) {
        Block padding;
        TRY(read_structure(std::span(padding).first(static_cast<std::size_t>(padding_left_))));
        padding_left_ = 0;
    }
    return {};
}

Result<> TarReader::finish_archive() {
    current_.clear();
    done_ = true;
    Block block;
    if (!TRY(read_block(block))) return {};
    if (!all_zero(block)) return corrupt("one zero block stands between entries");
    do {
        Bytes padding = Bytes(buffer_).subspan(buffer_at_, buffer_end_ - buffer_at_);
        if (!all_zero(padding)) return corrupt("data follows its end");
        if (structure_ && !padding.empty()) TRY(structure_(padding));
    } while (TRY(fill()) > 0);
    return {};
}

Result<std::optional<TarEntry>> TarReader::next() {
    if (done_) return std::nullopt;
    TRY(finish_payload());
    Extension extension;
    while (true) {
        Block block;
        bool more = TRY(read_block(block));
        bool pending = extension.pax || extension.gnu_path || extension.gnu_link;
        if ((!more || all_zero(block)) && pending)
            return corrupt("an extended header has no entry");
        if (!more) {
            done_ = true;
            return std::nullopt;
        }
        if (all_zero(block)) {
            TRY(finish_archive());
            return std::nullopt;
        }
        if (++entries_ > limits_.entries)
            return fail(Code::exhausted,
                        name_ + " has more than " + std::to_string(limits_.entries) + " entries");
        current_ = text_field(std::span(block).first(100));
        if (!checksum_holds(block, TRY(number(block, 148, 8, "checksum"))))
            return corrupt("the checksum of a header is wrong");
        char type = static_cast<char>(block[156]);
        std::int64_t size = TRY(number(block, 124, 12, "size"));
        if (TRY(take_extension(block, type, size, extension))) continue;
        TarEntry entry = TRY(decode(block, type, extension));
        payload_at_ = position_;
        payload_left_ = entry.size;
        padding_left_ = tar_padding(entry.size);
        payload_total_ += entry.size;
        if (payload_total_ > limits_.payload)
            return fail(Code::exhausted, name_ + " holds more than " +
                                             std::to_string(limits_.payload) + " bytes of files");
        return entry;
    }
}

Result<TarEntry> TarReader::decode(const Block& block, char type, Extension& extension) {
    TarEntry entry;
    entry.path = text_field(std::span(block).first(100));
    // Only POSIX's ustar has a prefix; GNU's format keeps times there.
    if (std::memcmp(block.data() + 257, "ustar\0", 6) == 0)
        if (std::string prefix = text_field(std::span(block).subspan(345, 155)); !prefix.empty())
            entry.path = prefix + "/" + entry.path;
    entry.link = text_field(std::span(block).subspan(157, 100));
    if (extension.path) entry.path = std::move(*extension.path);
    if (extension.link) entry.link = std::move(*extension.link);
    current_ = entry.path;
    entry.mode = static_cast<std::uint32_t>(TRY(number(block, 100, 8, "mode")) & 07777);
    entry.uid = extension.uid ? *extension.uid : TRY(number(block, 108, 8, "uid"));
    entry.gid = extension.gid ? *extension.gid : TRY(number(block, 116, 8, "gid"));
    entry.mtime = extension.mtime ? *extension.mtime : TRY(number(block, 136, 12, "mtime"));
    entry.mtime_ns = extension.mtime_ns;
    entry.size = TRY(number(block, 124, 12, "size"));
    if (extension.size && *extension.size != entry.size) {
        // A reader that knows pax and one that does not would see different archives, unless the
        // number has no other place (CVE-2025-62518).
        if (*extension.size <= kMaxOctal12) return corrupt("two headers state different sizes");
        entry.size = *extension.size;
    }
    entry.xattrs = std::move(extension.xattrs);
    if (type == '\0' || type == '7') type = '0';  // before 1988; "contiguous file", as POSIX allows
    if (type == '0' && entry.path.ends_with('/')) type = '5';  // before 1988
    if (type < '0' || type > '6')
        return unsupported("an entry of type " + std::to_string(static_cast<unsigned char>(type)));
    entry.kind = static_cast<TarKind>(type);
    if (entry.kind == TarKind::char_device || entry.kind == TarKind::block_device)
        TRY(decode_device(block, entry));
    TRY(check(entry));
    return entry;
}

Result<> TarReader::decode_device(const Block& block, TarEntry& entry) const {
    constexpr std::int64_t kMaxMajor = 0xfff, kMaxMinor = 0xfffff;  // linux/kdev_t.h
    std::int64_t major = TRY(number(block, 329, 8, "device number"));
    std::int64_t minor = TRY(number(block, 337, 8, "device number"));
    if (major < 0 || major > kMaxMajor || minor < 0 || minor > kMaxMinor)
        return corrupt("a device number is out of range");
    entry.major = static_cast<std::uint32_t>(major);
    entry.minor = static_cast<std::uint32_t>(minor);
    return {};
}

Result<> TarReader::check(const TarEntry& entry) const {
    constexpr std::int64_t kMaxId = 4294967294;  // 2^32 - 1 means "no change" to chown(2)
    if (entry.path.empty()) return corrupt("an entry has no name");
    if (entry.path.size() > limits_.path) return corrupt("a path is too long");
    if (entry.link.size() > limits_.path) return corrupt("a link's target is too long");
    if (entry.uid < 0 || entry.uid > kMaxId) return corrupt("a user id is out of range");
    if (entry.gid < 0 || entry.gid > kMaxId) return corrupt("a group id is out of range");
    // Its negative could not be written.
    if (entry.mtime == std::numeric_limits<std::int64_t>::min())
        return corrupt("a time is out of range");
    if (entry.size < 0) return corrupt("a size is negative");
    if (entry.size != 0 && entry.kind != TarKind::file)
        return corrupt("an entry that is no file has a size");
    bool link = entry.kind == TarKind::hard_link || entry.kind == TarKind::symlink;
    if (link && entry.link.empty()) return corrupt("a link has no target");
    return {};
}

// Octal digits between spaces and NULs, or GNU's base 256 (first bit set, big-endian).
Result<std::int64_t> TarReader::number(const Block& block, std::size_t at, std::size_t length,
                                       const char* field) const {
    auto bytes = std::span(block).subspan(at, length);
    if ((bytes[0] & 0x80) != 0) {
        bool negative = bytes[0] == 0xff;
        if (!negative && bytes[0] != 0x80) return corrupt(std::string(field) + " is out of range");
        std::uint8_t fill = negative ? 0xff : 0;
        std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
        for (std::size_t i = 1; i < length; ++i) {
            if (i + 8 < length && bytes[i] != fill)
                return corrupt(std::string(field) + " is out of range");
            value = value << 8 | bytes[i];
        }
        auto number = static_cast<std::int64_t>(value);
        if ((number < 0) != negative) return corrupt(std::string(field) + " is out of range");
        return number;
    }
    std::size_t begin = 0, end = length;
    while (begin < end && bytes[begin] == ' ') ++begin;
    while (end > begin && (bytes[end - 1] == ' ' || bytes[end - 1] == 0)) --end;
    std::int64_t value = 0;
    for (std::size_t i = begin; i < end; ++i) {
        if (bytes[i] < '0' || bytes[i] > '7') return corrupt(std::string(field) + " is not octal");
        value = value * 8 + (bytes[i] - '0');
    }
    return value;
}

}  // namespace crank::store
