#include "registry/byte_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::registry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kType = "multipart/byteranges; boundary=x";
std::string head(const std::string& range) {
    return "\r\n--x\r\nContent-Type: text/plain\r\nContent-Range: bytes " + range + "\r\n\r\n";
}

struct Fed {
    Result<> result;
    std::string got;
    std::vector<BlobRange> missing;
};
// In pieces, so that heads and parts do not end where they do.
Fed feed(std::vector<BlobRange> wanted, const std::string& body, const std::string& type = kType,
         const std::string& range = "", std::size_t piece = 7) {
    ByteRanges ranges(std::move(wanted), 100);
    Fed out{ranges.begin(type, range), "", {}};
    for (std::size_t at = 0; out.result && at < body.size(); at += piece) {
        std::string part = body.substr(at, piece);
        out.result = ranges.feed({reinterpret_cast<const std::uint8_t*>(part.data()), part.size()},
                                 [&](ByteRanges::Bytes bytes) -> Result<> {
                                     out.got.append(bytes.begin(), bytes.end());
                                     return {};
                                 });
    }
    out.missing = ranges.missing();
    return out;
}

TEST(ByteRanges, ReadsThePartsThatWereAskedFor) {
    std::string body = head("10-13/100").substr(2) + "abcd" + head("20-22/*") + "\r\n-" +
                       head("99-99/100") + "z\r\n--x--\r\n";
    for (std::size_t piece : {1, 7, 1000}) {
        Fed fed = feed({{10, 14}, {20, 23}, {99, 100}}, body, kType, "", piece);
        EXPECT_TRUE(fed.result);
        EXPECT_EQ(fed.got, "abcd\r\n-z");
        EXPECT_TRUE(fed.missing.empty());
    }
}

TEST(ByteRanges, ReadsASinglePartWithoutTheRest) {
    Fed fed = feed({{10, 14}}, "abcd", "text/plain", "bytes 10-13/100");
    EXPECT_TRUE(fed.result);
    EXPECT_EQ(fed.got, "abcd");
    EXPECT_TRUE(fed.missing.empty());
    EXPECT_EQ(feed({{10, 14}}, "abcde", "text/plain", "bytes 10-13/100").result.error().code(),
              Code::corrupt);
}

TEST(ByteRanges, SaysWhatIsMissing) {
    Fed fed =
        feed({{10, 14}, {20, 23}, {30, 40}}, head("10-13/100") + "abcd" + head("20-22/100") + "e");
    EXPECT_TRUE(fed.result);
    EXPECT_THAT(fed.missing, ElementsAre(BlobRange{21, 23}, BlobRange{30, 40}));
}

TEST(ByteRanges, RefusesWhatWasNotAskedFor) {
    struct Bad {
        std::string body, names;
    };
    for (const Bad& c : {
             Bad{head("10-12/100") + "abc", "another part"},
             Bad{head("11-13/100") + "abc", "another part"},
             Bad{head("10-13/99") + "abcd", "another part"},
             Bad{head("10-13/100") + "abcd" + head("30-33/100"), "another part"},
             Bad{head("10-13/100") + "abcd" + head("20-22/100") + "efg" + head("1-2/100"),
                 "another part"},
             Bad{"\r\n--x\r\n\r\n", "between two parts"},
             Bad{"Content-Range: bytes 10-13/100\r\n\r\nabcd", "between two parts"},
             Bad{std::string(5000, 'x'), "between two parts"},
             Bad{head("10-13/100") + "abcd" + head("20-22/100") + "efg" + std::string(5000, 'x'),
                 "between two parts"},
         }) {
        Fed fed = feed({{10, 14}, {20, 23}}, c.body);
        ASSERT_FALSE(fed.result) << c.body;
        EXPECT_EQ(fed.result.error().code(), Code::corrupt);
        EXPECT_THAT(fed.result.error().text(), HasSubstr(c.names));
    }
    EXPECT_EQ(feed({{10, 14}, {20, 23}}, "", "text/plain", "bytes 10-22/100").result.error().code(),
              Code::unsupported);
    EXPECT_EQ(feed({{10, 14}}, "", "text/plain", "bytes 10-22/100").result.error().code(),
              Code::corrupt);
}

}  // namespace
}  // namespace crank::registry
