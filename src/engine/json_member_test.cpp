#include "engine/json_member.h"

#include <gtest/gtest.h>

#include <string>

namespace crank::engine {
namespace {

std::string text_of(std::string_view json, std::string_view key = "spec") {
    auto place = find_object_member(json, key);
    return place ? std::string(json.substr(place->begin, place->size)) : "none";
}

TEST(JsonMember, IsFoundByItsKeyInTheOutermostObjectAlone) {
    EXPECT_EQ(text_of(R"({"a":1,"spec":{"b":[{}]}})"), R"({"b":[{}]})");
    EXPECT_EQ(text_of(R"({"a":{"spec":{"no":1}},"l":[{"spec":{}}],"spec" : {"yes":1} , "z":2})"),
              R"({"yes":1})");
    EXPECT_EQ(text_of(R"({"spec":{"s":"} ] \" { \\"},"t":1})"), R"({"s":"} ] \" { \\"})");
    EXPECT_EQ(text_of(R"({"x":"spec","y":":","spec":{}})"), "{}");
    EXPECT_EQ(text_of(R"({"x\"":{"a":1},"spec":{}})"), "{}");
}

TEST(JsonMember, WhatIsNoObjectOrEndsTooEarlyHasNone) {
    for (const char* json :
         {"", " ", "[]", "{}", R"({"a":1})", R"({"spec":1})", R"({"spec":"{}"})", R"({"spec":{)",
          R"({"spec":{"a":"})", R"({"spec":{"a":"\)", R"({"spec":)", R"({"spec")",
          R"({"a":{"spec":{}})", R"(["spec",{}])", R"({]"spec":{}})", R"("spec":{})"})
        EXPECT_EQ(text_of(json), "none") << json;
}

}  // namespace
}  // namespace crank::engine
