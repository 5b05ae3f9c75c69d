#include "deploy/release_difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::deploy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char *kFirst = "sha256:1111111111112222", *kSecond = "sha256:aaaaaaaaaaaabbbb";

Release release(std::int64_t number, std::string file, std::vector<ReleasedService> services) {
    return {.number = number, .file = std::move(file), .services = std::move(services)};
}
std::vector<std::string> lines(const Release& before, const Release& after) {
    return describe(difference_of(before, after));
}
std::string chosen(const std::vector<Release>& releases, std::optional<std::int64_t> first = {},
                   std::optional<std::int64_t> second = {}) {
    auto two = choose_two(releases, first, second);
    if (!two) return two.error().text() + "; " + two.error().hint();
    return std::to_string(two->first.number) + " " + std::to_string(two->second.number);
}

TEST(DeployReleaseDifference, ImagesByDigestNumbersAndFields) {
    Release before = release(
        1, R"({"name":"p","services":{"web":{"image":"web:1","environment":{"T":"secret"}}}})",
        {{"web", "web:1", kFirst, 1}});
    Release after = release(
        2,
        R"({"name":"p","services":{"web":{"image":"web:2","deploy":{"replicas":3},"mem_limit":"9",)"
        R"("environment":{"T":"other"}}}})",
        {{"web", "web:2", kSecond, 3}});
    EXPECT_THAT(lines(before, after),
                ElementsAre("web: image: web:1@111111111111 -> web:2@aaaaaaaaaaaa",
                            "web: containers: 1 -> 3", "web: environment.T: changed",
                            "web: mem_limit: added: 9"));
    EXPECT_THAT(lines(before, before), IsEmpty());
}

TEST(DeployReleaseDifference, AMovedNameIsAnotherImageAndAnotherNameOfOneIsSaid) {
    Release before = release(1, "{}", {{"web", "web:1", kFirst, 1}});
    EXPECT_THAT(lines(before, release(2, "{}", {{"web", "web:1", kSecond, 1}})),
                ElementsAre("web: image: web:1@111111111111 -> web:1@aaaaaaaaaaaa"));
    EXPECT_THAT(lines(before, release(2, "{}", {{"web", "web:2", kFirst, 1}})),
                ElementsAre("web: image: web:1@111111111111 -> web:2@111111111111"));
}

TEST(DeployReleaseDifference, ServicesThatCameAndWent) {
    Release before = release(1, R"({"services":{"a":{},"gone":{"user":"u"}}})",
                             {{"a", "a", kFirst, 1}, {"gone", "g:1", kFirst, 2}});
    Release after = release(2, R"({"services":{"a":{},"new":{"user":"u"}}})",
                            {{"a", "a", kFirst, 1}, {"new", "native", "", 1}});
    EXPECT_THAT(lines(before, after), ElementsAre("gone: removed: g:1@111111111111, 2 containers",
                                                  "new: added: native, 1 container"));
}

TEST(DeployReleaseDifference, NetworksVolumesAndVariablesAreTheProjects) {
    Release before = release(1, R"({"networks":{"default":{"name":"p_default"}}})", {});
    before.environment = {{"TOKEN", "first"}, {"OLD", "x"}};
    Release after = release(2,
                            R"({"networks":{"default":{"name":"p_default"},"back":null},
                               "volumes":{"data":{"name":"p_data","driver_opts":{"o":"secret"}}}})",
                            {});
    after.environment = {{"TOKEN", "second"}, {"NEW", "y"}};
    EXPECT_THAT(lines(before, after),
                ElementsAre("networks.back: added", "volumes.data.driver_opts.o: added",
                            "volumes.data.name: added: p_data",
                            "variable NEW of secrets and configs: added",
                            "variable OLD of secrets and configs: removed",
                            "variable TOKEN of secrets and configs: changed"));
}

TEST(DeployReleaseDifference, AFileThatIsNoneHasNoFields) {
    Release broken = release(1, "no JSON", {{"web", "web", kFirst, 1}});
    EXPECT_THAT(lines(broken, release(2, R"(["x"])", {{"web", "web", kFirst, 1}})), IsEmpty());
}

TEST(DeployReleaseDifference, WhichTwoAreMeant) {
    std::vector<Release> all{release(3, "", {}), release(5, "", {}), release(6, "", {})};
    all.back().error = "it failed";
    EXPECT_EQ(chosen(all), "5 6");
    EXPECT_EQ(chosen(all, 3), "3 5");
    EXPECT_EQ(chosen(all, 6), "6 5");
    EXPECT_EQ(chosen(all, 6, 3), "6 3");
    EXPECT_EQ(chosen(all, 4), "no release 4; those kept: 3, 5, 6 (crank releases)");
    EXPECT_EQ(chosen(all, 3, 9), "no release 9; those kept: 3, 5, 6 (crank releases)");
    EXPECT_EQ(chosen({all.back()}, 6),
              "there is no release that ended well to compare with; "
              "name two: crank releases diff 1 2");
    EXPECT_EQ(chosen({all.front()}),
              "there is one release, and none before it; crank plan "
              "compares what is there with the file");
    EXPECT_EQ(chosen({}), "there is no release; crank plan compares what is there with the file");
}

}  // namespace
}  // namespace crank::deploy
