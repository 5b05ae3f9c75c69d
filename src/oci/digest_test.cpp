#include "oci/digest.h"

#include <gtest/gtest.h>

namespace crank::oci {
namespace {

constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Digest, is_sha256) {
    EXPECT_EQ(Digest::of("abc").hex(), kAbc);  // FIPS 180-4, appendix B.1
    EXPECT_EQ(Digest::of("").str(),
              "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(Digest::of("abc").short_hex(), "ba7816bf8f01");
}

TEST(Digest, hashes_in_pieces_and_starts_over) {
    Hasher hasher;
    hasher.update("a");
    hasher.update("bc");
    EXPECT_EQ(hasher.finish().hex(), kAbc);
    hasher.update("abc");
    EXPECT_EQ(hasher.finish().hex(), kAbc);
}

TEST(Digest, parses_what_it_prints) {
    auto digest = Digest::parse(std::string("sha256:") + kAbc);
    ASSERT_TRUE(digest);
    EXPECT_EQ(*digest, Digest::of("abc"));
    EXPECT_EQ(Digest::from_hex_text(kAbc), Digest::of("abc"));
    EXPECT_FALSE(digest->is_zero());
    EXPECT_TRUE(Digest().is_zero());
}

TEST(Digest, refuses_what_is_no_sha256) {
    std::string upper = "sha256:" + std::string(64, 'A');
    for (std::string text :
         {std::string(), std::string("sha256:"), std::string("sha256:abc"), std::string(kAbc),
          upper, std::string("md5:abc"), "sha256:" + std::string(63, 'a') + "g",
          "sha256:" + std::string(65, 'a'), "sha256:" + std::string(kAbc) + "\n"})
        EXPECT_EQ(Digest::parse(text).error().code(), Code::invalid_argument) << text;
    EXPECT_EQ(Digest::parse("sha512:" + std::string(128, 'a')).error().code(), Code::unsupported);
}

}  // namespace
}  // namespace crank::oci
