#include "registry/search.h"

#include <gtest/gtest.h>

namespace crank::registry {
namespace {

TEST(Search, ReadsDockersAnswer) {
    auto found = parse_search(
        R"({"num_results":2,"query":"mail","results":[{"name":"mailhog","description":"a mail catcher",)"
        R"("star_count":7,"is_official":true,"is_automated":false},{"name":"team/mail"}]})");
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ((*found)[0], (Found{"mailhog", "a mail catcher", 7, true, false}));
    EXPECT_EQ((*found)[1], (Found{"team/mail", "", 0, false, false}));
}

TEST(Search, WhatIsNoAnswerIsCorrupt) {
    for (const char* bad : {"", "[]", "{}", R"({"results":{}})", R"({"results":[{}]})",
                            R"({"results":[{"name":7}]})", "<html>404</html>"})
        EXPECT_EQ(parse_search(bad).error().code(), Code::corrupt) << bad;
    for (const char* bad : {"", "{}", R"({"repositories":[1]})", R"({"repositories":"x"})"})
        EXPECT_EQ(parse_catalog(bad).error().code(), Code::corrupt) << bad;
}

TEST(Search, ACatalogueIsSearchedByName) {
    auto names = parse_catalog(R"({"repositories":["team/Mail","web","mail/x"]})");
    ASSERT_TRUE(names);
    auto found = matching(*names, "MAIL", 10);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].name, "team/Mail");
    EXPECT_EQ(matching(*names, "", 1).size(), 1U);
}

TEST(Search, AnEmptyCatalogueIsNone) {
    EXPECT_TRUE(parse_catalog(R"({"repositories":null})")->empty());
}

}  // namespace
}  // namespace crank::registry
