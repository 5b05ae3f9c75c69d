#include "oci/docker_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::oci {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(DockerArchive, reads_what_it_writes) {
    std::vector<DockerArchiveImage> images{{"a.json", {"a:1", "b:2"}, {"1.tar", "2.tar"}},
                                           {"b.json", {}, {}}};
    std::string text = serialize(images);
    EXPECT_EQ(text, R"([{"Config":"a.json","Layers":["1.tar","2.tar"],"RepoTags":["a:1","b:2"]},)"
                    R"({"Config":"b.json","Layers":[],"RepoTags":[]}])");
    auto parsed = parse_docker_archive(text);
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(*parsed, images);
}

TEST(DockerArchive, reads_nulls_and_unknown_fields) {
    auto parsed = parse_docker_archive(
        R"([{"Config":"c","RepoTags":null,"Layers":null,"LayerSources":{},"Parent":"x"}])");
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_THAT(parsed->at(0).repo_tags, IsEmpty());
}

TEST(DockerArchive, refuses_bad_documents_by_field) {
    std::string many = "[";
    for (int i = 0; i < 1001; ++i) many += std::string(i != 0 ? "," : "") + R"({"Config":"c"})";
    for (const auto& [json, names] : std::vector<std::pair<std::string, std::string>>{
             {"", "JSON"},
             {"{}", "not a list"},
             {"[{}]", "'[0].Config' is missing"},
             {R"([{"Config":"c"},1])", "'[1]' is not an object"},
             {R"([{"Config":"c","Layers":[1]}])", "'[0].Layers[0]'"},
             {many + "]", "1000"},
         }) {
        auto parsed = parse_docker_archive(json);
        ASSERT_FALSE(parsed) << json;
        EXPECT_EQ(parsed.error().code(), Code::corrupt);
        EXPECT_THAT(parsed.error().text(), HasSubstr(names));
    }
}

}  // namespace
}  // namespace crank::oci
