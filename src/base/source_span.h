// A range in a text that a person wrote.
#pragma once

#include <cstdint>

namespace crank {

// Lines and columns count from 1; columns count bytes. `end_line` is the last line, inclusive.
struct SourceSpan {
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::uint32_t end_line = 0;

    bool operator==(const SourceSpan&) const = default;
};

}  // namespace crank
