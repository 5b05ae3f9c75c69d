#include "store/recipe_code.h"

#include <random>

#include "store/test_support.h"

namespace crank::store {
namespace {

using namespace test;

std::string decoded(StructureCoder& coder, const std::string& code, std::size_t count) {
    std::string out;
    must(coder.decode(code, count, out));
    return out;
}

TEST(RecipeCode, numbers_of_any_size_come_back) {
    for (std::uint64_t value : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128},
                                std::uint64_t{1} << 35, UINT64_MAX}) {
        std::string bytes;
        put_varint(bytes, value);
        std::string_view view = bytes;
        EXPECT_EQ(must(take_varint(view)), value);
        EXPECT_TRUE(view.empty());
    }
    for (std::string bytes : {std::string(), std::string("\x80", 1), std::string(11, '\xff')}) {
        std::string_view view = bytes;
        EXPECT_EQ(code_of(take_varint(view)), Code::corrupt) << bytes.size();
    }
}

// Whatever the bytes are, and however they are cut.
TEST(RecipeCode, what_was_written_is_read) {
    std::mt19937 random(1);
    auto below = [&](std::size_t n) { return random() % n; };
    for (int round = 0; round < 200; ++round) {
        StructureCoder writer, reader;
        std::string block(kTarBlock, 'a');
        for (int piece = 0; piece < 20; ++piece) {
            std::string bytes;
            std::size_t size = below(3 * kTarBlock);
            for (std::size_t i = 0; i < size; ++i)
                bytes += below(10) == 0 ? static_cast<char>(random()) : block[i % kTarBlock];
            std::string code;
            writer.encode(bytes, code);
            ASSERT_EQ(decoded(reader, code, bytes.size()), bytes);
            std::size_t payload = below(2) * below(2000);
            writer.payload(payload);
            reader.payload(payload);
        }
    }
}

TEST(RecipeCode, headers_that_are_alike_take_few_bytes) {
    StructureCoder writer;
    std::size_t largest = 0;
    for (int i = 0; i < 100; ++i) {
        auto item = file("directory/file" + std::to_string(1000 + i), "");
        std::string header = encode_header(item.entry), code;
        writer.encode(header, code);
        writer.payload(100);
        std::string padding(kTarBlock - 100, '\0'), rest;
        writer.encode(padding, rest);
        EXPECT_LE(rest.size(), 4);
        if (i > 0) largest = std::max(largest, code.size());
    }
    EXPECT_LE(largest, 20);
}

TEST(RecipeCode, refuses_code_that_says_too_much_or_too_little) {
    for (std::string code : {std::string("\x05\x00", 2),
                             std::string("\x00\x05"
                                         "ab",
                                         4),
                             std::string("\x00\x00", 2), std::string("\x02\x00\x00", 3),
                             std::string("\x02\x02xyz", 5), std::string("\xff")}) {
        StructureCoder reader;
        std::string out;
        EXPECT_EQ(text_of(reader.decode(code, 4, out)), "the layer's recipe is damaged");
    }
}

}  // namespace
}  // namespace crank::store
