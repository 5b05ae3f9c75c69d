// A text as a source of bytes.
#pragma once

#include <algorithm>
#include <cstring>
#include <string_view>

#include "store/byte_source.h"

namespace crank::fuzz {

class TextSource : public store::ByteSource {
public:
    explicit TextSource(std::string_view text) : rest_(text) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        std::size_t n = std::min(out.size(), rest_.size());
        if (n > 0) std::memcpy(out.data(), rest_.data(), n);
        rest_.remove_prefix(n);
        return n;
    }

private:
    std::string_view rest_;
};

}  // namespace crank::fuzz
