#include "engine/gpu/ld_cache.h"

#include <algorithm>
#include <cstring>
#include <map>

namespace crank::engine::gpu {
namespace {

constexpr std::string_view kOldMagic = "ld.so-1.7.0";
constexpr std::string_view kMagic = "glibc-ld.so.cache1.1";
constexpr std::size_t kHeader = 48, kEntry = 24, kOldHeader = 16, kOldEntry = 12;
constexpr std::uint32_t kExtensionMagic = 0xeaa42174;
constexpr std::uint32_t kTagHwcaps = 1;
constexpr std::uint64_t kHwcapExtension = std::uint64_t{1} << 62;
constexpr std::size_t kMaxEntries = 200'000, kMaxName = 4096;
constexpr char kLittleEndian = 2;  // cache_file_new_flags_endian_little

template <class T>
T number_at(std::string_view bytes, std::size_t offset) {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

std::unexpected<Error> corrupt(const char* why) {
    return fail(Code::corrupt, std::string("/etc/ld.so.cache ") + why);
}

Result<std::string> text_at(std::string_view bytes, std::uint32_t offset) {
    if (offset >= bytes.size()) return corrupt("names what lies outside of it");
    std::string_view rest = bytes.substr(offset, kMaxName);
    std::size_t end = rest.find('\0');
    if (end == std::string_view::npos) return corrupt("has a text without an end");
    return std::string(rest.substr(0, end));
}

// Of the new format; older systems have the old one in front of it.
Result<std::string_view> find_new_format(std::string_view bytes) {
    if (bytes.starts_with(kOldMagic)) {
        if (bytes.size() < kOldHeader) return corrupt("is cut off");
        std::size_t count = number_at<std::uint32_t>(bytes, 12);
        if (count > kMaxEntries) return corrupt("has too many entries");
        std::size_t offset = (kOldHeader + count * kOldEntry + 7) / 8 * 8;
        if (offset > bytes.size()) return corrupt("is cut off");
        bytes.remove_prefix(offset);
    }
    if (!bytes.starts_with(kMagic)) return corrupt("is in no format that crank knows");
    if (bytes.size() < kHeader) return corrupt("is cut off");
    return bytes;
}

Result<std::vector<std::string>> read_hwcaps(std::string_view bytes, std::size_t offset) {
    std::vector<std::string> names;
    if (offset == 0) return names;
    if (offset % 4 != 0 || offset + 8 > bytes.size()) return corrupt("is cut off");
    if (number_at<std::uint32_t>(bytes, offset) != kExtensionMagic) return names;
    std::size_t count = number_at<std::uint32_t>(bytes, offset + 4);
    if (count > 64 || offset + 8 + count * 16 > bytes.size()) return corrupt("is cut off");
    for (std::size_t i = 0; i < count; ++i) {
        std::size_t section = offset + 8 + i * 16;
        if (number_at<std::uint32_t>(bytes, section) != kTagHwcaps) continue;
        std::size_t start = number_at<std::uint32_t>(bytes, section + 8);
        std::size_t size = number_at<std::uint32_t>(bytes, section + 12);
        if (size % 4 != 0 || size > 4096 || start > bytes.size() || size > bytes.size() - start)
            return corrupt("names what lies outside of it");
        for (std::size_t at = start; at < start + size; at += 4)
            names.push_back(TRY(text_at(bytes, number_at<std::uint32_t>(bytes, at))));
    }
    return names;
}

template <class T>
void put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Every text once; the offset is the file's.
class Texts {
public:
    explicit Texts(std::size_t start) : start_(start) {}
    std::uint32_t offset_of(const std::string& text) {
        auto [at, added] =
            known_.try_emplace(text, static_cast<std::uint32_t>(start_ + bytes_.size()));
        if (added) bytes_.append(text.c_str(), text.size() + 1);
        return at->second;
    }
    const std::string& bytes() const { return bytes_; }

private:
    std::size_t start_;
    std::string bytes_;
    std::map<std::string, std::uint32_t> known_;
};

}  // namespace

std::int32_t library_flags(std::string_view architecture) {
    // FLAG_ELF_LIBC6 with FLAG_X8664_LIB64 or FLAG_AARCH64_LIB64 (elf/dl-cache.h).
    if (architecture == "amd64") return 0x0303;
    if (architecture == "arm64") return 0x0a03;
    return 0;
}

// _dl_cache_libcmp.
int compare_names(std::string_view a, std::string_view b) {
    std::size_t i = 0, j = 0;
    auto at = [](std::string_view text, std::size_t n) {
        return n < text.size() ? static_cast<unsigned char>(text[n]) : 0;
    };
    auto take_number = [](std::string_view text, std::size_t& n) {
        std::uint64_t value = 0;
        while (n < text.size() && is_digit(text[n]))
            value = value * 10 + static_cast<std::uint64_t>(text[n++] - '0');
        return value;
    };
    while (i < a.size()) {
        if (is_digit(a[i])) {
            if (j >= b.size() || !is_digit(b[j])) return 1;
            std::uint64_t first = take_number(a, i), second = take_number(b, j);
            if (first != second) return first < second ? -1 : 1;
        } else if (j < b.size() && is_digit(b[j])) {
            return -1;
        } else if (at(a, i) != at(b, j)) {
            return at(a, i) - at(b, j);
        } else {
            ++i;
            ++j;
        }
    }
    return at(a, i) - at(b, j);
}

Result<LdCache> parse_ld_cache(std::string_view whole) {
    if (whole.size() > kMaxLdCache) return corrupt("is larger than 16 MiB");
    std::string_view bytes = TRY(find_new_format(whole));
    std::size_t count = number_at<std::uint32_t>(bytes, 20);
    if (count > kMaxEntries || kHeader + count * kEntry > bytes.size())
        return corrupt("is cut off");
    LdCache cache;
    cache.hwcaps = TRY(read_hwcaps(bytes, number_at<std::uint32_t>(bytes, 32)));
    for (std::size_t i = 0; i < count; ++i) {
        std::size_t at = kHeader + i * kEntry;
        LdEntry entry{number_at<std::int32_t>(bytes, at), number_at<std::uint64_t>(bytes, at + 16),
                      TRY(text_at(bytes, number_at<std::uint32_t>(bytes, at + 4))),
                      TRY(text_at(bytes, number_at<std::uint32_t>(bytes, at + 8)))};
        bool named = (entry.hwcap & kHwcapExtension) != 0;
        if (named && (entry.hwcap & 0xffffffff) >= cache.hwcaps.size()) continue;
        cache.entries.push_back(std::move(entry));
    }
    return cache;
}

std::string write_ld_cache(const LdCache& cache, const std::vector<LdEntry>& first) {
    // Descending, as the linker's binary search wants them; of one name in the order given.
    auto after = [](const std::string& a, const std::string& b) { return compare_names(a, b) > 0; };
    std::multimap<std::string, const LdEntry*, decltype(after)> by_name(after);
    for (const LdEntry& entry : first) by_name.emplace(entry.name, &entry);
    for (const LdEntry& entry : cache.entries) by_name.emplace(entry.name, &entry);
    Texts texts(kHeader + by_name.size() * kEntry);
    std::string list;
    for (const auto& [name, entry] : by_name) {
        put(list, entry->flags);
        put(list, texts.offset_of(entry->name));
        put(list, texts.offset_of(entry->path));
        put(list, std::uint32_t{0});
        put(list, entry->hwcap);
    }
    std::string hwcaps;
    for (const std::string& name : cache.hwcaps) put(hwcaps, texts.offset_of(name));
    std::size_t strings_end = kHeader + list.size() + texts.bytes().size();
    std::size_t padding = (4 - strings_end % 4) % 4;
    std::string out(kMagic);
    put(out, static_cast<std::uint32_t>(by_name.size()));
    put(out, static_cast<std::uint32_t>(texts.bytes().size()));
    out.append({kLittleEndian, 0, 0, 0});
    auto extension = static_cast<std::uint32_t>(strings_end + padding);
    put(out, hwcaps.empty() ? std::uint32_t{0} : extension);
    out.append(12, '\0');
    out += list + texts.bytes();
    if (hwcaps.empty()) return out;
    out.append(padding, '\0');
    put(out, kExtensionMagic);
    put(out, std::uint32_t{1});
    put(out, kTagHwcaps);
    put(out, std::uint32_t{0});
    put(out, extension + 24);
    put(out, static_cast<std::uint32_t>(hwcaps.size()));
    return out + hwcaps;
}

}  // namespace crank::engine::gpu
