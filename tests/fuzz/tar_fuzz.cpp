// An archive from anybody. The first byte says whether it is to be decompressed, and whether its
// headers get the checksums that random changes hardly ever keep. Of one that is read to its end:
// the bytes between the payloads and the payloads themselves are the archive, and what was read,
// written again, is read the same.
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "fuzz_support.h"
#include "store/tar_reader.h"

using namespace crank;
using namespace crank::store;
using crank::fuzz::require;

namespace {

constexpr std::size_t kMost = std::size_t{1} << 20;  // bytes, decompressed

struct Contents {
    std::vector<std::pair<TarEntry, std::string>> entries;  // with their payloads
    std::string again;                                      // the archive, from its parts
};

void check_entry(const TarEntry& entry, const TarLimits& limits) {
    require(!entry.path.empty() && entry.path.size() <= limits.path);
    require(entry.path.find('\0') == std::string::npos);
    require(entry.link.find('\0') == std::string::npos);
    require(entry.size >= 0 && entry.size <= limits.payload);
    require(entry.size == 0 || entry.kind == TarKind::file);
    require(entry.uid >= 0 && entry.uid < 4294967295 && entry.gid >= 0 && entry.gid < 4294967295);
    require(entry.mtime_ns < 1'000'000'000);
}

// Nothing: it was refused.
std::optional<Contents> read_archive(const std::string& plain) {
    TextSource source(plain);
    TarLimits limits;
    limits.entries = 1000;
    limits.buffer = 1024;  // small: it is allocated for each input, and its borders are met
    TarReader reader(source, limits, "it");
    Contents contents;
    reader.observe_structure([&](Bytes bytes) -> Result<> {
        contents.again.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
    });
    while (true) {
        auto entry = reader.next();
        if (!entry) return std::nullopt;
        if (!*entry) return contents;
        check_entry(**entry, limits);
        std::string payload;
        std::uint8_t buffer[333];
        while (true) {
            auto n = reader.read(buffer);
            if (!n) return std::nullopt;
            if (*n == 0) break;
            payload.append(reinterpret_cast<const char*>(buffer), *n);
        }
        require(static_cast<std::int64_t>(payload.size()) == (*entry)->size);
        contents.again += payload;
        contents.entries.emplace_back(std::move(**entry), std::move(payload));
    }
}

bool same(const TarEntry& a, const TarEntry& b) {
    bool owners = a.uid == b.uid && a.gid == b.gid && a.mode == b.mode;
    bool devices = a.major == b.major && a.minor == b.minor;
    return a.path == b.path && a.link == b.link && a.kind == b.kind && owners && devices &&
           a.size == b.size && a.mtime == b.mtime && a.xattrs == b.xattrs;
}

void write_and_read(const Contents& contents) {
    std::string written;
    for (const auto& [entry, payload] : contents.entries) {
        written += encode_header(entry) + payload;
        written.append(static_cast<std::size_t>(tar_padding(entry.size)), '\0');
    }
    written.append(2 * kTarBlock, '\0');
    auto second = read_archive(written);
    require(second.has_value() && second->entries.size() == contents.entries.size());
    for (std::size_t i = 0; i < contents.entries.size(); ++i) {
        require(same(second->entries[i].first, contents.entries[i].first));
        require(second->entries[i].second == contents.entries[i].second);
    }
}

void mend_checksums(std::string& archive) {
    for (std::size_t at = 0; at + kTarBlock <= archive.size(); at += kTarBlock) {
        std::string_view block(archive.data() + at, kTarBlock);
        if (block.find_first_not_of('\0') == std::string_view::npos) continue;
        std::memset(archive.data() + at + 148, ' ', 8);
        unsigned sum = 0;
        for (std::size_t i = 0; i < kTarBlock; ++i)
            sum += static_cast<unsigned char>(archive[at + i]);
        char digits[8];
        std::snprintf(digits, sizeof digits, "%06o", sum);
        std::memcpy(archive.data() + at + 148, digits, 7);
    }
}

std::optional<std::string> plain_of(std::string_view packed) {
    auto source = decompress(std::make_unique<TextSource>(std::string(packed)), kMost, "it");
    if (!source) return std::nullopt;
    auto plain = read_all(**source, kMost, "it");
    if (!plain) return std::nullopt;
    return *std::move(plain);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    unsigned how = input.byte();
    std::optional<std::string> archive =
        (how & 1) != 0 ? plain_of(input.rest()) : std::optional(std::string(input.rest()));
    if (!archive) return 0;
    if ((how & 2) != 0) mend_checksums(*archive);
    auto contents = read_archive(*archive);
    if (!contents) return 0;
    require(contents->again == *archive);
    write_and_read(*contents);
    return 0;
}
