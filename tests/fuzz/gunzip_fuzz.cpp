// Layers as registries send them, compressed. The first byte says in how large pieces they come,
// which changes nothing. zlib is the other opinion: what it reads to the end is read the same, and
// what it refuses is refused, but for the checksum of a header, which crank does not look at.
#include <zlib.h>

#include <optional>
#include <string>
#include <string_view>

#include "fuzz_support.h"
#include "net/gunzip.h"

using namespace crank;
using crank::fuzz::Input;
using crank::fuzz::require;

namespace {

std::optional<std::string> unzip(std::string_view bytes, std::size_t piece) {
    std::string text;
    net::Gunzip gunzip("layer", [&](net::Bytes part) -> Result<> {
        text.append(reinterpret_cast<const char*>(part.data()), part.size());
        return {};
    });
    while (!bytes.empty()) {
        std::string_view part = bytes.substr(0, piece);
        bytes.remove_prefix(part.size());
        if (!gunzip.feed({reinterpret_cast<const std::uint8_t*>(part.data()), part.size()}))
            return std::nullopt;
    }
    if (!gunzip.finish()) return std::nullopt;
    return text;
}

struct Opinion {
    std::string text;
    bool refused = false;
    bool of_the_header = false;  // of its checksum
};

Opinion of_zlib(std::string_view bytes) {
    constexpr int kGzip = 16 + MAX_WBITS;
    Opinion opinion;
    std::string space(1 << 16, '\0');
    while (!bytes.empty() && !opinion.refused) {
        z_stream stream{};
        require(inflateInit2(&stream, kGzip) == Z_OK);
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream.avail_in = static_cast<uInt>(bytes.size());
        int status = Z_OK;
        while (status == Z_OK) {
            stream.next_out = reinterpret_cast<Bytef*>(space.data());
            stream.avail_out = static_cast<uInt>(space.size());
            status = inflate(&stream, Z_NO_FLUSH);
            opinion.text.append(space.data(), space.size() - stream.avail_out);
        }
        opinion.refused = status != Z_STREAM_END;
        opinion.of_the_header =
            stream.msg != nullptr && std::string_view(stream.msg) == "header crc mismatch";
        bytes.remove_prefix(bytes.size() - stream.avail_in);
        inflateEnd(&stream);
    }
    return opinion;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    std::size_t piece = std::size_t{input.byte()} + 1;
    std::string_view bytes = input.rest();
    std::optional<std::string> whole = unzip(bytes, bytes.size() + 1);
    require(unzip(bytes, piece) == whole);
    if (!bytes.starts_with("\x1f\x8b")) {
        require(whole == bytes);
        return 0;
    }
    Opinion other = of_zlib(bytes);
    if (other.refused)
        require(!whole || other.of_the_header);
    else
        require(whole == other.text);
    return 0;
}
