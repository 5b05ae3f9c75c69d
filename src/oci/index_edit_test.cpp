#include "oci/index_edit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::oci {
namespace {

using testing::HasSubstr;

std::string foreign(char digit) {
    return R"({"artifactType":"a/b","digest":"sha256:)" + std::string(64, digit) +
           R"(","mediaType":"application/x+json","size":2,"urls":["u"]})";
}

TEST(IndexEdit, keeps_what_it_does_not_know) {
    std::string index = R"({"annotations":{"a":"b"},"manifests":[)" + foreign('1') + "," +
                        foreign('2') + R"(],"schemaVersion":2,"subject":{"x":1}})";
    Descriptor added{std::string(kMediaTypeManifest), Digest::of("x"), 1, {{"k", "v"}}, {}};
    std::string fresh = R"({"annotations":{"k":"v"},"digest":")" + Digest::of("x").str() +
                        R"(","mediaType":"application/vnd.oci.image.manifest.v1+json","size":1})";
    EXPECT_EQ(edit_index(index, {0}, {added}).value(),
              R"({"annotations":{"a":"b"},"manifests":[)" + foreign('2') + "," + fresh +
                  R"(],"schemaVersion":2,"subject":{"x":1}})");
    EXPECT_EQ(edit_index(index, {}, {}).value(), index);
}

TEST(IndexEdit, refuses_what_is_no_index) {
    for (const char* text : {"", "{}", "[]", R"({"schemaVersion":2,"manifests":{}})",
                             R"({"schemaVersion":2,"manifests":[],"layers":[]})"}) {
        auto edited = edit_index(text, {}, {});
        ASSERT_FALSE(edited) << text;
        EXPECT_EQ(edited.error().code(), Code::corrupt);
        EXPECT_THAT(edited.error().text(), HasSubstr("image index"));
    }
}

}  // namespace
}  // namespace crank::oci
