#include "registry/referrers.h"

#include <gtest/gtest.h>

namespace crank::registry {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string list_of(const std::string& descriptor) {
    return R"({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [)" +
           descriptor + "]}";
}

TEST(Referrers, AreReadWithTheirTypes) {
    auto read = parse_referrers(
        list_of(R"({"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 7,
            "artifactType": "application/spdx+json", "annotations": {"a": "b"}, "digest": ")" +
                kDigest + "\"}"));
    ASSERT_TRUE(read) << read.error().text();
    ASSERT_EQ(read->size(), 1U);
    EXPECT_EQ(read->front().digest.str(), kDigest);
    EXPECT_EQ(read->front().artifact_type, "application/spdx+json");
    EXPECT_EQ(read->front().size, 7);
    EXPECT_EQ(read->front().annotations.at("a"), "b");
    EXPECT_TRUE(parse_referrers(list_of(""))->empty());
}

TEST(Referrers, MalformedListsAreNamed) {
    auto error = [](const std::string& text) {
        auto read = parse_referrers(text);
        return read ? "read" : read.error().text();
    };
    EXPECT_NE(error(list_of(R"({"size": 1})")).find("digest"), std::string::npos);
    EXPECT_NE(error(list_of(R"({"digest": "sha256:../x"})")).find("digest"), std::string::npos);
    EXPECT_NE(error(list_of("{\"size\": -1, \"digest\": \"" + kDigest + "\"}")).find("negative"),
              std::string::npos);
    EXPECT_NE(error(R"({"manifests": {}})").find("manifests"), std::string::npos);
    EXPECT_NE(error(R"({"layers": []})").find("manifests"), std::string::npos);
    EXPECT_NE(error(R"({"mediaType": "x/y", "manifests": []})").find("x/y"), std::string::npos);
    EXPECT_NE(error("<html>").find("list of referrers"), std::string::npos);
}

TEST(Referrers, TheTagOfASubject) {
    EXPECT_EQ(referrers_tag(*oci::Digest::parse(kDigest)), "sha256-" + std::string(64, 'a'));
}

TEST(Referrers, TheNextPage) {
    EXPECT_EQ(next_page(R"(</v2/a/referrers/x?n=2>; rel="next")"), "/v2/a/referrers/x?n=2");
    EXPECT_EQ(next_page(R"(</first>; rel="first", </next>; title="x"; rel="next")"), "/next");
    for (const char* none : {"", "nonsense", "<unfinished", R"(</x>; rel="prev")", "<>;"})
        EXPECT_EQ(next_page(none), "") << none;
}

}  // namespace
}  // namespace crank::registry
