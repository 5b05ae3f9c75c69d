#include "engine/rootless.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::engine {
namespace {

using sys::IdRange;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(SubIds, AreTheUsersByNameAndByNumber) {
    constexpr std::string_view kFile = "other:1:5\nme:100000:65536\n1000:300000:7\nme:400000:1\n";
    EXPECT_THAT(
        sub_ids_of(kFile, "me", 1000),
        ElementsAre(IdRange{0, 100000, 65536}, IdRange{0, 300000, 7}, IdRange{0, 400000, 1}));
    EXPECT_THAT(sub_ids_of(kFile, "nobody", 7), IsEmpty());
}

TEST(SubIds, LinesThatMakeNoSenseAreLeftOut) {
    EXPECT_THAT(sub_ids_of("me:100000\nme\nme:1:x\nme:0:5\nme:-1:5\nme:7:0\nme:4294967290:100\n",
                           "me", 1000),
                IsEmpty());
    EXPECT_THAT(sub_ids_of("", "me", 1000), IsEmpty());
}

TEST(Maps, TheUserIsRootAndTheRangesFollow) {
    EXPECT_THAT(
        map_below(1000, {{0, 100000, 65536}, {0, 300000, 7}}),
        ElementsAre(IdRange{0, 1000, 1}, IdRange{1, 100000, 65536}, IdRange{65537, 300000, 7}));
    EXPECT_THAT(map_below(1000, {}), ElementsAre(IdRange{0, 1000, 1}));
}

TEST(Maps, NoIdIsMappedTwice) {
    EXPECT_THAT(map_below(1000, {{0, 990, 20}, {0, 5000, 10}, {0, 5009, 3}}),
                ElementsAre(IdRange{0, 1000, 1}, IdRange{1, 5000, 10}));
}

}  // namespace
}  // namespace crank::engine
