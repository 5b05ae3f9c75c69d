#include "store/recipe_code.h"

#include <algorithm>

namespace crank::store {

namespace {

constexpr char kSame = 's', kOwn = 'o';
constexpr std::string_view kRun = "sss";  // shorter ones cost more than they save

std::unexpected<Error> damaged() { return fail(Code::corrupt, "the layer's recipe is damaged"); }

}  // namespace

void put_varint(std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    out += static_cast<char>(value);
}

Result<std::uint64_t> take_varint(std::string_view& bytes) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
        auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        value |= std::uint64_t{byte & 0x7fU} << shift;
        if (byte < 0x80) return value;
    }
    return damaged();
}

// Not beyond the end of a block.
void StructureCoder::pass(std::string_view part) {
    if (!padding_) std::ranges::copy(part, &block_[at_]);
    at_ += part.size();
    if (at_ < kTarBlock) return;
    at_ = 0;
    padding_ = false;
}

void StructureCoder::payload(std::uint64_t size) {
    at_ = (at_ + size) % kTarBlock;
    padding_ = at_ != 0;
}

// Where `bytes` are as foretold and where not, a letter for each. A block at a time: this runs over
// every header of a layer.
void StructureCoder::compare(std::string_view bytes) {
    static constexpr std::array<char, kTarBlock> kZeros{};
    same_.resize(bytes.size());
    char* letter = same_.data();
    while (!bytes.empty()) {
        std::string_view part = bytes.substr(0, kTarBlock - at_);
        const char* expected = padding_ ? kZeros.data() : &block_[at_];
        for (std::size_t i = 0; i < part.size(); ++i)
            *letter++ = part[i] == expected[i] ? kSame : kOwn;
        pass(part);
        bytes.remove_prefix(part.size());
    }
}

void StructureCoder::encode(std::string_view bytes, std::string& out) {
    compare(bytes);
    const std::string& same = same_;
    for (std::size_t at = 0; at < bytes.size();) {
        std::size_t begin = std::min(same.find(kOwn, at), bytes.size());
        std::size_t end = std::min(same.find(kRun, begin), bytes.size());
        put_varint(out, begin - at);
        put_varint(out, end - begin);
        out += bytes.substr(begin, end - begin);
        at = end;
    }
}

Result<> StructureCoder::decode(std::string_view code, std::size_t count, std::string& out) {
    while (count > 0) {
        std::uint64_t same = TRY(take_varint(code)), own = TRY(take_varint(code));
        if (same > count || own > count - same || own > code.size() || same + own == 0)
            return damaged();
        for (std::uint64_t i = 0; i < same; ++i) {
            out += foretold();
            pass(std::string_view(out).substr(out.size() - 1));
        }
        for (std::uint64_t i = 0; i < own; ++i) pass(code.substr(i, 1));
        out += code.substr(0, own);
        code.remove_prefix(own);
        count -= same + own;
    }
    return code.empty() ? Result<>() : damaged();
}

}  // namespace crank::store
