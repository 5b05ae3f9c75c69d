// What the fuzz targets share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace crank::fuzz {

// A property that does not hold is a finding, as a crash is.
inline void require(bool holds) {
    if (!holds) std::abort();
}

// An input, taken apart from its front. What is not there is zero or empty.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size)
        : rest_(reinterpret_cast<const char*>(data), size) {}

    bool empty() const { return rest_.empty(); }
    std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
    // Little-endian, of so many bytes.
    std::uint64_t number(std::size_t bytes) {
        std::uint64_t value = 0;
        std::string_view taken = take(bytes);
        for (std::size_t i = 0; i < taken.size(); ++i)
            value |= std::uint64_t{static_cast<std::uint8_t>(taken[i])} << (8 * i);
        return value;
    }
    std::string_view take(std::size_t bytes) {
        std::string_view taken = rest_.substr(0, bytes);
        rest_.remove_prefix(taken.size());
        return taken;
    }
    // Up to the separator, which goes too; without one, all of it.
    std::string_view until(char separator) {
        std::string_view taken = rest_.substr(0, rest_.find(separator));
        rest_.remove_prefix(std::min(rest_.size(), taken.size() + 1));
        return taken;
    }
    std::string_view rest() const { return rest_; }

private:
    std::string_view rest_;
};

}  // namespace crank::fuzz
