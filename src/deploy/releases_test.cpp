#include "deploy/releases.h"

#include <gtest/gtest.h>

#include "sys/file.h"
#include "sys/stream.h"

namespace crank::deploy {
namespace {

Release release(std::int64_t number, std::string error = "", std::int64_t same_as = 0) {
    std::string file = std::to_string(same_as == 0 ? number : same_as);
    return {
        .number = number, .error = std::move(error), .same_as = same_as, .file = std::move(file)};
}
// Nothing but a start of what there was.
Release again(std::int64_t number, std::int64_t what) {
    Release again = release(number);
    again.file = std::to_string(what);
    return again;
}
std::string chosen(const std::vector<Release>& releases,
                   std::optional<std::int64_t> number = std::nullopt) {
    Result<Release> found = choose_release(releases, number);
    return found ? std::to_string(found->number) : found.error().text();
}

TEST(DeployReleases, TheLastGoodOneBeforeWhatIsThere) {
    EXPECT_EQ(chosen({release(1), release(2)}), "1");
    EXPECT_EQ(chosen({release(1), release(2), release(3, "it failed")}), "2");
    EXPECT_EQ(chosen({release(1), release(2, "it failed"), release(3)}), "1");
    // Another rollback goes further back, not forth again.
    EXPECT_EQ(chosen({release(1), release(2), release(3), release(4, "", 2)}), "1");
    EXPECT_EQ(chosen({release(1), release(2), release(3, "", 1)}),
              "there is no release to go back to");
    EXPECT_EQ(chosen({}), "there is no release to go back to");
    EXPECT_EQ(chosen({release(1)}), "there is no release to go back to");
}

TEST(DeployReleases, WhatWasRolledBackFromIsNotGoneBackTo) {
    EXPECT_EQ(chosen({release(1), release(2), release(3, "", 1), release(4)}), "1");
    EXPECT_EQ(chosen({release(1), release(2), release(3, "", 1), release(4, "it failed")}), "1");
    EXPECT_EQ(chosen({release(1), release(2), release(3, "", 1), again(4, 1)}),
              "there is no release to go back to");
    // What it went to is not kept any more: it has the whole state itself.
    EXPECT_EQ(chosen({release(2), release(3, "", 1), release(4)}), "3");
}

TEST(DeployReleases, AStartOfWhatThereWasIsNoStateOfItsOwn) {
    EXPECT_EQ(chosen({release(1), release(2), again(3, 2)}), "1");
    EXPECT_EQ(chosen({release(1), release(2), again(3, 2), again(4, 2)}), "1");
    EXPECT_EQ(chosen({release(1), again(2, 1)}), "there is no release to go back to");
}

TEST(DeployReleases, ServicesThatWereLeftAloneAreInItAsTheyAre) {
    compose::TypedProject types{.name = "p"};
    for (std::string name : {"a", "b", "c"}) {
        compose::Service& service = types.services.emplace_back();
        service.name = service.image = name;
    }
    Desired desired{.project = "p"};
    desired.services.push_back({.name = "a", .image = "a", .image_id = "sha256:new"});
    Observed observed{.containers = {{.service = "a", .image_id = "sha256:old"},
                                     {.service = "b", .image_id = "sha256:b", .number = 1},
                                     {.service = "b", .image_id = "sha256:b", .number = 2}}};
    Release made = release_of(compose::Project{}, types, desired, observed, "");
    std::vector<ReleasedService> expected{{"a", "a", "sha256:new", 1}, {"b", "b", "sha256:b", 2}};
    EXPECT_EQ(made.services, expected);
}

TEST(DeployReleases, AMissingOneIsAnErrorWithTheList) {
    std::vector<Release> all{release(4), release(5, "it failed"), release(6)};
    EXPECT_EQ(chosen(all, 4), "4");
    Result<Release> none = choose_release(all, 9);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().text(), "no release 9");
    EXPECT_EQ(none.error().hint(), "those that ended well: 4, 6 (crank releases)");
}

TEST(DeployReleases, WhatIsWrittenIsRead) {
    Release all{.number = 3,
                .at_ns = 5,
                .by = "ann",
                .what = "rollback to 1",
                .message = "because",
                .error = "e",
                .same_as = 1,
                .project = "p",
                .directory = "/d",
                .config_files = "/d/compose.yaml",
                .file = "{\"name\":\"p\"}",
                .profiles = {"debug"},
                .environment = {{"T", "v"}},
                .services = {{"web", "web:1", "sha256:1", 2}}};
    Result<Release> read = parse_release(serialize(all));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, all);
    EXPECT_FALSE(parse_release("{}"));
    EXPECT_FALSE(parse_release("no JSON"));
}

TEST(DeployReleases, ChangesOfDevelopmentInARowAreOne) {
    engine::Paths paths;
    paths.root = *sys::make_temp_dir("/tmp/crank-releases-test.");
    auto keep = [&](const std::string& what, const std::string& file) {
        return keep_release(paths, {.what = what, .project = "p", .file = file}).value_or(-1);
    };
    EXPECT_EQ(keep("up", "a"), 1);
    EXPECT_EQ(keep("dev", "b"), 2);
    EXPECT_EQ(keep("dev: one", "c"), 3);
    EXPECT_EQ(keep("dev: two", "d"), 3);
    std::vector<Release> releases = *list_releases(paths, "p");
    ASSERT_EQ(releases.size(), 3U);
    EXPECT_EQ(releases.back().what, "dev: two");
    EXPECT_EQ(releases.back().number, 3);
    // Back to what development began with, and whatever else happens has a number of its own.
    EXPECT_EQ(chosen(releases), "2");
    EXPECT_EQ(keep("rollback to 2", "b"), 4);
    EXPECT_EQ(keep("dev: three", "e"), 5);
    EXPECT_EQ(keep("up", "f"), 6);
    EXPECT_FALSE(is_development(releases.front()));
    EXPECT_TRUE(is_development(releases[1]));
    EXPECT_TRUE(is_development(releases[2]));
    EXPECT_TRUE(sys::remove_tree(paths.root));
}

}  // namespace
}  // namespace crank::deploy
