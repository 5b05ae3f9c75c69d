// How a recipe writes the headers of a tar down in few bytes: what is the same as in the block
// before, at the same place, is counted and not repeated. Internal to store.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "store/tar_format.h"

namespace crank::store {

// A recipe is this line and records: a tag, numbers as varints (put_varint), bytes.
inline constexpr std::string_view kRecipeTitle = "crank recipe 2\n";
inline constexpr char kRecipeStructure = 's';  // how many bytes, how many of code, the code
// Its size, how many bytes of its path are those of the path before, how many follow, those.
inline constexpr char kRecipePayload = 'p';
inline constexpr char kRecipeEnd = 'e';

void put_varint(std::string& out, std::uint64_t value);
// From the front of `bytes`, which is shortened. Errors: corrupt.
Result<std::uint64_t> take_varint(std::string_view& bytes);

// Either side of one archive: both are told all of its bytes in order, structure and payload.
class StructureCoder {
public:
    // Appends the code of `bytes`: pairs of a number of bytes that were foretold and a number of
    // bytes that follow.
    void encode(std::string_view bytes, std::string& out);
    // Appends `count` bytes of structure from their code. Errors: corrupt.
    Result<> decode(std::string_view code, std::size_t count, std::string& out);
    // A payload of `size` bytes stands here; zeros to the end of its last block are foretold.
    void payload(std::uint64_t size);

private:
    char foretold() const { return padding_ ? '\0' : block_[at_]; }
    void pass(std::string_view part);
    void compare(std::string_view bytes);

    std::array<char, kTarBlock> block_{};
    std::size_t at_ = 0;
    bool padding_ = false;
    std::string same_;  // compare()'s answer
};

}  // namespace crank::store
