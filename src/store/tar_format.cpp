#include "store/tar_format.h"

#include <algorithm>
#include <cstring>

namespace crank::store {

namespace {

// Offsets and lengths of POSIX.1-1988's header.
struct Field {
    std::size_t at, length;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12},
    kMtime{136, 12}, kChecksum{148, 8}, kLink{157, 100}, kMajor{329, 8}, kMinor{337, 8};
constexpr std::size_t kType = 156, kMagic = 257;

void put_text(std::string& block, Field field, const std::string& text) {
    std::memcpy(block.data() + field.at, text.data(), std::min(text.size(), field.length));
}

// Zero-filled octal digits and a NUL. What does not fit stands in a pax record: 0 here.
void put_octal(std::string& block, Field field, std::int64_t value) {
    std::int64_t limit = field.length == 12 ? kMaxOctal12 : kMaxOctal8;
    if (value < 0 || value > limit) value = 0;
    for (std::size_t i = field.length - 1; i-- > 0; value /= 8)
        block[field.at + i] = static_cast<char>('0' + value % 8);
}

void put_checksum(std::string& block) {
    std::memset(block.data() + kChecksum.at, ' ', kChecksum.length);
    unsigned sum = 0;
    for (char c : block) sum += static_cast<unsigned char>(c);
    // Six digits, a NUL, a space: as POSIX has written it since 1988.
    put_octal(block, {kChecksum.at, 7}, sum);
    block[kChecksum.at + 6] = '\0';
}

std::string encode_block(const TarEntry& entry, char type) {
    std::string block(kTarBlock, '\0');
    put_text(block, kName, entry.path);
    put_octal(block, kMode, entry.mode);
    put_octal(block, kUid, entry.uid);
    put_octal(block, kGid, entry.gid);
    put_octal(block, kSize, entry.size);
    put_octal(block, kMtime, entry.mtime);
    block[kType] = type;
    put_text(block, kLink, entry.link);
    std::memcpy(block.data() + kMagic,
                "ustar\0"
                "00",
                8);
    put_octal(block, kMajor, entry.major);
    put_octal(block, kMinor, entry.minor);
    put_checksum(block);
    return block;
}

// "LENGTH KEY=VALUE\n", where LENGTH counts itself.
std::string pax_record(const std::string& key, const std::string& value) {
    std::string tail = " " + key + "=" + value + "\n";
    std::size_t length = tail.size() + 1;
    while (std::to_string(length).size() + tail.size() != length) ++length;
    return std::to_string(length) + tail;
}

bool fits(std::int64_t value, std::int64_t limit) { return value >= 0 && value <= limit; }

std::string pax_records(const TarEntry& entry) {
    std::map<std::string, std::string> records;
    if (entry.path.size() > kName.length) records["path"] = entry.path;
    if (entry.link.size() > kLink.length) records["linkpath"] = entry.link;
    if (!fits(entry.size, kMaxOctal12)) records["size"] = std::to_string(entry.size);
    if (!fits(entry.uid, kMaxOctal8)) records["uid"] = std::to_string(entry.uid);
    if (!fits(entry.gid, kMaxOctal8)) records["gid"] = std::to_string(entry.gid);
    if (!fits(entry.mtime, kMaxOctal12)) records["mtime"] = std::to_string(entry.mtime);
    for (const auto& [key, value] : entry.xattrs) records["SCHILY.xattr." + key] = value;
    std::string text;
    for (const auto& [key, value] : records) text += pax_record(key, value);
    return text;
}

}  // namespace

std::string encode_header(const TarEntry& entry) {
    std::string out;
    if (std::string records = pax_records(entry); !records.empty()) {
        TarEntry pax;
        pax.path = "PaxHeaders/0";
        pax.mode = 0644;
        pax.size = static_cast<std::int64_t>(records.size());
        out = encode_block(pax, 'x') + records;
        out.append(static_cast<std::size_t>(tar_padding(pax.size)), '\0');
    }
    return out + encode_block(entry, static_cast<char>(entry.kind));
}

}  // namespace crank::store
