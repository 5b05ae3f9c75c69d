#include "registry/chunked.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::registry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kPrefix = "io.github.containers.zstd-chunked.";
const std::string kDigest = oci::Digest::of("x").str();

oci::Descriptor layer(const std::string& table = "100:50:70:1",
                      const std::string& tar_split = "158:30:90") {
    oci::Descriptor out;
    out.size = 1000;
    out.annotations = {{kPrefix + "manifest-position", table},
                       {kPrefix + "manifest-checksum", kDigest},
                       {kPrefix + "tarsplit-position", tar_split}};
    return out;
}

TEST(ChunkedPlace, SaysWhereTheTableIs) {
    auto place = parse_chunked_place(layer()).value().value();
    EXPECT_EQ(place.table, (BlobRange{100, 150}));
    EXPECT_EQ(place.table_size, 70);
    EXPECT_EQ(place.table_digest, oci::Digest::of("x"));
    EXPECT_EQ(place.tar_split, (BlobRange{158, 188}));
    EXPECT_FALSE(place.tar_split_digest);
    auto older = layer();
    older.annotations[kPrefix + "tarsplit-checksum"] = kDigest;
    EXPECT_EQ(parse_chunked_place(older).value()->tar_split_digest, oci::Digest::of("x"));
}

TEST(ChunkedPlace, ALayerWithoutAllOfItHasNone) {
    for (const char* name : {"manifest-position", "manifest-checksum", "tarsplit-position"}) {
        auto one = layer();
        one.annotations.erase(kPrefix + name);
        EXPECT_FALSE(parse_chunked_place(one).value()) << name;
    }
}

TEST(ChunkedPlace, RefusesPositionsThatAreNone) {
    struct Bad {
        std::string table, tar_split, names;
        Code code = Code::corrupt;
    };
    for (const Bad& c : {
             Bad{"100:50:70", "158:30:90", "no position"},
             Bad{"100:50:70:1:1", "158:30:90", "no position"},
             Bad{"100:-50:70:1", "158:30:90", "no position"},
             Bad{"100:50:x:1", "158:30:90", "no position"},
             Bad{"100:50:70:1", "", "no position"},
             Bad{"100:50:70:1", "9223372036854775807:30:90", "outside the blob"},
             Bad{"100:9223372036854775807:70:1", "158:30:90", "outside the blob"},
             Bad{"100:0:70:1", "158:30:90", "outside the blob"},
             Bad{"990:11:70:1", "158:30:90", "outside the blob"},
             Bad{"100:50:70:1", "149:30:90", "behind its table"},
             Bad{"100:50:70:2", "158:30:90", "another type", Code::unsupported},
             Bad{"100:50:2147483648:1", "158:30:90", "larger than 64 MiB", Code::exhausted},
         }) {
        auto place = parse_chunked_place(layer(c.table, c.tar_split));
        ASSERT_FALSE(place) << c.table << " " << c.tar_split;
        EXPECT_EQ(place.error().code(), c.code) << c.table << " " << c.tar_split;
        EXPECT_THAT(place.error().text(), HasSubstr(c.names));
    }
    auto large = layer("0:2147483648:70:1");
    large.size = std::int64_t{1} << 40;
    EXPECT_EQ(parse_chunked_place(large).error().code(), Code::exhausted);
    auto no_digest = layer();
    no_digest.annotations[kPrefix + "manifest-checksum"] = "md5:x";
    EXPECT_FALSE(parse_chunked_place(no_digest));
}

std::string entry(const std::string& name, int begin, int end, const std::string& more = "") {
    return R"({"type":"reg","name":")" + name + R"(","size":5,"digest":")" + kDigest +
           R"(","xattrs":{"name":"not this","size":"7"},"offset":)" + std::to_string(begin) +
           R"(,"endOffset":)" + std::to_string(end) + more + "}";
}
std::string table(const std::string& entries, const std::string& more = "") {
    return R"({"version":1,"entries":[)" + entries + "]" + more + "}";
}

TEST(ChunkedTable, HasTheFilesThatHoldSomething) {
    auto out = parse_chunked_table(
                   table(R"({"type":"dir","name":"a/"},{"type":"reg","name":"a/empty"},)" +
                             entry("a/b", 10, 40) +
                             R"(,{"type":"chunk","name":"a/b","offset":20,"chunkSize":2},)" +
                             entry("c", 40, 60),
                         R"(,"tarSplitDigest":")" + kDigest + R"(","other":[[{"size":-1}]])"),
                   60)
                   .value();
    ASSERT_EQ(out.files.size(), 2U);
    EXPECT_EQ(out.files[0].name, "a/b");
    EXPECT_EQ(out.files[0].size, 5);
    EXPECT_EQ(out.files[0].digest, oci::Digest::of("x"));
    EXPECT_EQ(out.files[0].range, (BlobRange{10, 40}));
    EXPECT_EQ(out.files[1].range, (BlobRange{40, 60}));
    EXPECT_EQ(out.tar_split_digest, oci::Digest::of("x"));
    EXPECT_FALSE(parse_chunked_table(table(""), 60).value().tar_split_digest);
}

TEST(ChunkedTable, RefusesWhatIsBad) {
    struct Bad {
        std::string json, names;
        Code code = Code::corrupt;
    };
    for (const Bad& c : {
             Bad{"", "no JSON"},
             Bad{table(entry("a", 1, 2)) + "x", "no JSON"},
             Bad{table("{"), "no JSON"},
             Bad{table("{\"type\":\"\xff\"}"), "no JSON"},
             Bad{"[]", "no version"},
             Bad{R"({"entries":[]})", "no version"},
             Bad{R"({"version":2,"entries":[]})", "version 2", Code::unsupported},
             Bad{table(entry("a", 10, 10)), "overlap"},
             Bad{table(entry("a", 10, 9)), "overlap"},
             Bad{table(entry("a", -1, 9)), "overlap"},
             Bad{table(entry("a", 10, 61)), "outside the blob"},
             Bad{table(entry("a", 10, 30) + "," + entry("b", 29, 40)), "overlap"},
             Bad{table(entry("a", 10, 30) + "," + entry("b", 1, 5)), "overlap"},
             Bad{table(entry("a", 10, 30, R"(,"size":6)")), "'size' twice"},
             Bad{table(R"({"type":"reg","name":"a","size":1,"offset":1,"endOffset":2})"),
                 "without a size and a digest"},
             Bad{table(R"({"type":"reg","name":"a","size":18446744073709551615,"digest":")" +
                       kDigest + R"(","offset":1,"endOffset":2})"),
                 "without a size"},
             Bad{table("", R"(,"tarSplitDigest":"x")"), "no digest"},
             Bad{table("", R"(,"entries":[])"), "'entries' twice"},
             Bad{std::string(100, '['), "nested too deep"},
         }) {
        auto out = parse_chunked_table(c.json, 60);
        ASSERT_FALSE(out) << c.json;
        EXPECT_EQ(out.error().code(), c.code) << c.json;
        EXPECT_THAT(out.error().text(), HasSubstr(c.names)) << c.json;
    }
}

TEST(ChunkedRanges, AreBroughtTogether) {
    std::vector<BlobRange> ranges = {{0, 10}, {10, 20}, {25, 30}, {90, 95}, {97, 99}};
    EXPECT_THAT(coalesce(ranges, 0, 9), ElementsAre(BlobRange{0, 20}, BlobRange{25, 30},
                                                    BlobRange{90, 95}, BlobRange{97, 99}));
    EXPECT_THAT(coalesce(ranges, 2, 9),
                ElementsAre(BlobRange{0, 20}, BlobRange{25, 30}, BlobRange{90, 99}));
    EXPECT_THAT(coalesce(ranges, 0, 2), ElementsAre(BlobRange{0, 30}, BlobRange{90, 99}));
    EXPECT_THAT(coalesce(ranges, 0, 1), ElementsAre(BlobRange{0, 99}));
    EXPECT_TRUE(coalesce({}, 0, 1).empty());
    // equal gaps: no more of them go than have to
    EXPECT_THAT(coalesce({{0, 1}, {2, 3}, {4, 5}, {6, 7}}, 0, 3),
                ElementsAre(BlobRange{0, 3}, BlobRange{4, 5}, BlobRange{6, 7}));
}

TEST(ChunkedRanges, GoThroughText) {
    std::vector<BlobRange> ranges = {{0, 10}, {10, 20}, {25, 30}};
    EXPECT_EQ(text_of(ranges), "0-10,10-20,25-30");
    EXPECT_EQ(parse_ranges(text_of(ranges), 30).value(), ranges);
    for (const char* text : {"", "1", "1-", "-2", "2-1", "1-1", "5-7,6-8", "1-31", "a-b", "1-2,"})
        EXPECT_FALSE(parse_ranges(text, 30)) << text;
}

}  // namespace
}  // namespace crank::registry
