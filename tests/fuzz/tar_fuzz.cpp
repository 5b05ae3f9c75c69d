// An archive from anybody: decompressed, read entry by entry, and its structure collected. The
// bytes between the payloads and the payloads themselves must together be the archive.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "store/tar_reader.h"

using namespace crank;
using namespace crank::store;

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

class TextSource : public ByteSource {
public:
    explicit TextSource(std::string_view text) : text_(text) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        std::size_t n = std::min(out.size(), text_.size());
        std::memcpy(out.data(), text_.data(), n);
        text_.remove_prefix(n);
        return n;
    }

private:
    std::string_view text_;
};

void check_entry(const TarEntry& entry, const TarLimits& limits) {
    require(!entry.path.empty() && entry.path.size() <= limits.path);
    require(entry.path.find('\0') == std::string::npos);
    require(entry.size >= 0 && entry.size <= limits.payload);
    require(entry.size == 0 || entry.kind == TarKind::file);
    require(entry.uid >= 0 && entry.uid < 4294967295 && entry.gid >= 0 && entry.gid < 4294967295);
    require(entry.mtime_ns < 1'000'000'000);
    // What was read can be written.
    require(encode_header(entry).size() % kTarBlock == 0);
}

// Random changes hardly ever keep a checksum: every block gets a right one, headers or not.
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

void read_archive(const std::string& plain) {
    TextSource source(plain);
    TarLimits limits;
    limits.entries = 1000;
    TarReader reader(source, limits, "it");
    std::string again;
    reader.observe_structure([&](Bytes bytes) -> Result<> {
        again.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
    });
    while (true) {
        auto entry = reader.next();
        if (!entry) return;
        if (!*entry) break;
        check_entry(**entry, limits);
        std::uint8_t buffer[333];
        while (true) {
            auto n = reader.read(buffer);
            if (!n) return;
            if (*n == 0) break;
            again.append(reinterpret_cast<const char*>(buffer), *n);
        }
    }
    require(again == plain);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto bytes =
        std::make_unique<TextSource>(std::string_view(reinterpret_cast<const char*>(data), size));
    auto source = decompress(std::move(bytes), 1 << 20, "it");
    if (!source) return 0;
    auto plain = read_all(**source, 1 << 20, "it");
    if (!plain) return 0;
    read_archive(*plain);
    mend_checksums(*plain);
    read_archive(*plain);
    return 0;
}
