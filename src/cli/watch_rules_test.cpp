#include "cli/watch_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::cli {
namespace {

using Action = WatchedPath::Action;
using testing::ElementsAre;
using testing::IsEmpty;

dockerfile::IgnoreMatcher patterns(std::vector<std::string> texts) {
    return *dockerfile::IgnoreMatcher::of_patterns(texts);
}

// A build's context /p/web with an ignore file.
WatchedPath build() {
    return {.service = "web",
            .path = "/p/web",
            .context = "/p/web",
            .context_ignore = patterns({"node_modules", "*.log", "!keep.log"})};
}

TEST(WatchRules, WhatTheIgnoreFileLeavesOutConcernsNobody) {
    WatchedPath web = build();
    EXPECT_TRUE(concerns(web, "/p/web/app.py"));
    EXPECT_TRUE(concerns(web, "/p/web/deep/er/app.py"));
    EXPECT_TRUE(concerns(web, "/p/web"));
    EXPECT_TRUE(concerns(web, "/p/web/keep.log"));
    EXPECT_FALSE(concerns(web, "/p/web/any.log"));
    EXPECT_FALSE(concerns(web, "/p/web/node_modules/x/y.js"));
    EXPECT_FALSE(concerns(web, "/p/website/app.py"));
    EXPECT_FALSE(concerns(web, "/p"));
}

TEST(WatchRules, EditorsAndHistoriesConcernNobody) {
    WatchedPath web = build();
    for (const char* name : {"4913", "app.py~", ".app.py.swp", ".app.py.swx", "#app.py#",
                             ".#app.py", ".goutputstream-X1", "app.py___jb_tmp___", ".a.kate-swp",
                             ".git/index", "deep/.git/HEAD", ".hg/x", ".svn/x"})
        EXPECT_FALSE(concerns(web, std::string("/p/web/") + name)) << name;
    for (const char* name : {"swp", ".swp", "app.swp", ".env", ".gitignore", "#", "a#", "49130"})
        EXPECT_TRUE(concerns(web, std::string("/p/web/") + name)) << name;
    // Not where somebody has named it.
    EXPECT_TRUE(concerns({.service = "web", .path = "/p/.git/HEAD"}, "/p/.git/HEAD"));
}

TEST(WatchRules, DirectoriesInWhichNothingMattersAreNotEntered) {
    std::vector<WatchedPath> watched = {build()};
    EXPECT_TRUE(enters(watched, "/p/web"));
    EXPECT_TRUE(enters(watched, "/p/web/src"));
    EXPECT_FALSE(enters(watched, "/p/web/node_modules"));
    EXPECT_FALSE(enters(watched, "/p/web/.git"));
    EXPECT_FALSE(enters(watched, "/p/other"));
    watched.push_back({.service = "api", .path = "/p/web/node_modules"});
    EXPECT_TRUE(enters(watched, "/p/web/node_modules"));
    watched = {{.service = "web", .path = "/p", .ignore = patterns({"a", "!a/b"})}};
    EXPECT_TRUE(enters(watched, "/p/a"));
}

TEST(WatchRules, IncludedIsWhatAPatternNames) {
    WatchedPath web = {.service = "web",
                       .path = "/p/web",
                       .ignore = patterns({"**/test_*.py"}),
                       .include = patterns({"**/*.py"})};
    EXPECT_TRUE(concerns(web, "/p/web/a.py"));
    EXPECT_TRUE(concerns(web, "/p/web/a/b.py"));
    EXPECT_FALSE(concerns(web, "/p/web/a.js"));
    EXPECT_FALSE(concerns(web, "/p/web/a/test_b.py"));
}

TEST(WatchRules, EachRuleThatAPathConcernsActs) {
    std::vector<WatchedPath> watched = {
        {.service = "web", .action = Action::sync, .path = "/p/web", .target = "/app/"},
        {.service = "web",
         .action = Action::sync_exec,
         .path = "/p/web/css",
         .target = "/c",
         .rule = 1},
        {.service = "web", .action = Action::rebuild, .path = "/p/web/package.json", .rule = 2},
        {.service = "api", .action = Action::restart, .path = "/p/web/shared"},
        {.service = "job",
         .action = Action::sync_restart,
         .path = "/p/one.conf",
         .target = "/etc/"},
    };
    EXPECT_THAT(reactions_to(watched, {}), IsEmpty());
    EXPECT_EQ(reactions_to(watched, {"/p/web/a.js"}),
              (Reactions{{"web", {.copies = {{"/p/web/a.js", "/app/a.js"}}}}}));
    EXPECT_EQ(reactions_to(watched, {"/p/web/css/x/y.css"}),
              (Reactions{{"web",
                          {.copies = {{"/p/web/css/x/y.css", "/app/css/x/y.css"},
                                      {"/p/web/css/x/y.css", "/c/x/y.css"}},
                           .commands = {1}}}}));
    EXPECT_EQ(reactions_to(watched, {"/p/web/package.json", "/p/web/shared/x", "/p/one.conf"}),
              (Reactions{{"api", {.restart = true}},
                         {"job", {.restart = true, .copies = {{"/p/one.conf", "/etc/one.conf"}}}},
                         {"web",
                          {.rebuild = true,
                           .copies = {{"/p/web/package.json", "/app/package.json"},
                                      {"/p/web/shared/x", "/app/shared/x"}}}}}));
}

TEST(WatchRules, WhatIsMadeOfABuildIsMadeAgainWithIt) {
    compose::TypedProject project{.name = "p"};
    auto add = [&](const std::string& name, const std::string& image) -> compose::Service& {
        compose::Service& service = project.services.emplace_back();
        service.name = name;
        service.image = image;
        return service;
    };
    add("base", "base:1").build.emplace();
    compose::Build& build = add("web", "web").build.emplace();
    build.contexts["base"] = "service:base";
    add("worker", "web:latest");
    add("proxy", "proxy").depends_on = {{.service = "worker", .restart = true}};
    add("other", "other").depends_on = {{.service = "worker"}};
    std::set<std::string> all = {"base", "web", "worker", "proxy", "other"};
    EXPECT_THAT(with_dependents(project, {"base"}, all),
                ElementsAre("base", "proxy", "web", "worker"));
    EXPECT_THAT(with_dependents(project, {"worker"}, all), ElementsAre("proxy", "worker"));
    EXPECT_THAT(with_dependents(project, {"base"}, {"base", "web"}), ElementsAre("base", "web"));
}

TEST(WatchRules, WhatWasSeenIsNamedOnce) {
    EXPECT_EQ(named({"/p/web/a.py"}, "/p"), "web/a.py");
    EXPECT_EQ(named({"/p/web/a.py", "/p/web/b.py", "/p/web/c.py"}, "/p"), "web/a.py and 2 more");
    EXPECT_EQ(named({"/elsewhere/a.py"}, "/p"), "/elsewhere/a.py");
}

TEST(WatchBurst, IsOverOnceItIsQuiet) {
    using std::chrono::milliseconds;
    Burst burst;
    Burst::Time start{};
    burst.hear("/a", false, start, start);
    EXPECT_EQ(burst.end(), start + Burst::kQuiet);
    burst.hear("/b", false, start - milliseconds(7), start + milliseconds(40));
    EXPECT_EQ(burst.end(), start + milliseconds(40) + Burst::kQuiet);
    EXPECT_EQ(burst.saved(), start - milliseconds(7));
    // One that does not end is acted on all the same.
    Burst::Time late = start + Burst::kLongest - milliseconds(1);
    burst.hear("/c", false, late, late);
    EXPECT_EQ(burst.end(), start + Burst::kLongest);
    EXPECT_THAT(burst.take([](const std::string&) { return true; }), ElementsAre("/a", "/b", "/c"));
    EXPECT_TRUE(burst.empty());
}

TEST(WatchBurst, WhatCameAndWentIsNothing) {
    Burst burst;
    burst.hear("/scratch", true, {}, {});
    burst.hear("/scratch", false, {}, {});
    burst.hear("/made", true, {}, {});
    burst.hear("/removed", false, {}, {});
    EXPECT_THAT(burst.take([](const std::string& path) { return path == "/made"; }),
                ElementsAre("/made", "/removed"));
}

}  // namespace
}  // namespace crank::cli
