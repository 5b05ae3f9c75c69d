#include "dockerfile/lower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dockerfile/paths.h"
#include "dockerfile/values.h"

namespace crank::dockerfile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

BuildSpec spec_of(std::string_view text, const BuildOptions& options = {}) {
    return lower(parse(text, "Dockerfile").value(), options).value();
}

LoweredStage only_stage(std::string_view text, const StageState& base = StageState::of_scratch()) {
    return lower_stage(spec_of(text), 0, base).value();
}

TEST(Parse, KeepsPlacesAndText) {
    auto file = parse("# x\nFROM a AS b\nRUN one \\\n  two\n", "dir/Dockerfile").value();
    EXPECT_EQ(file.stages[0].from.span, (SourceSpan{2, 1, 2}));
    EXPECT_EQ(file.stages[0].base().name, "b");
    const Instruction& run = file.stages[0].instructions[0];
    EXPECT_EQ(run.name, "RUN");
    EXPECT_EQ(run.span, (SourceSpan{3, 1, 4}));
    EXPECT_EQ(run.text, "RUN one   two");
    EXPECT_EQ(file.line(4), "  two");
    EXPECT_EQ(file.line(5), "");
    EXPECT_EQ(file.line(0), "");
}

TEST(Parse, ErrorsNameFileLineAndText) {
    auto file = parse("FROM a\n\nCOPY --form=b x y\n", "dir/Dockerfile");
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().code(), Code::invalid_argument);
    EXPECT_THAT(file.error().text(), HasSubstr("dir/Dockerfile:3: \"COPY --form=b x y\""));
    EXPECT_EQ(file.error().hint(), "did you mean --from?");
}

TEST(Parse, LimitsInstructionsAndStages) {
    std::string many = "FROM a\n";
    for (std::size_t i = 0; i < kMaxInstructions; ++i) many += "RUN x\n";
    EXPECT_THAT(parse(many, "D").error().text(), HasSubstr("more than 4096 instructions"));
    many.clear();
    for (std::size_t i = 0; i <= kMaxStages; ++i) many += "FROM a\n";
    EXPECT_THAT(parse(many, "D").error().text(), HasSubstr("more than 512 stages"));
}

TEST(Mount, ReadsItsKeys) {
    Mount mount =
        parse_mount("type=cache,\"target=/a,b\",id=x,sharing=LOCKED,mode=0750,uid=1,ro").value();
    EXPECT_EQ(mount.type, Mount::Type::cache);
    EXPECT_EQ(mount.target, "/a,b");
    EXPECT_EQ(mount.sharing, "locked");
    EXPECT_EQ(mount.mode, 0750U);
    EXPECT_EQ(mount.uid, 1U);
    EXPECT_TRUE(mount.read_only);
    EXPECT_TRUE(parse_mount("target=/x")->read_only);
    EXPECT_FALSE(parse_mount("target=/x,rw=true")->read_only);
    EXPECT_EQ(parse_mount("type=tmpfs,target=/x,size=1m")->size, 1 << 20);
    EXPECT_EQ(mount_from("from=stage,target=/x").value(), "stage");
}

TEST(Mount, RefusesBadKeys) {
    for (const char* text :
         {"type=tmpfs,target=/x,from=y", "target", "target=/x,\"", "target=/x,ro=2",
          "type=cache,target=/x,mode=9", "type=cache,target=/x,sharing=x",
          "type=cache,target=/x,uid=4294967296", "nothing=1,target=/x", ""})
        EXPECT_EQ(parse_mount(text).error().code(), Code::invalid_argument) << text;
    EXPECT_FALSE(mount_from("from=$x"));
}

TEST(Lower, FindsNeededStages) {
    BuildSpec spec = spec_of(
        "FROM a AS one\nFROM b AS two\nFROM one AS three\nRUN --mount=from=two,target=/x y\n"
        "FROM c AS four\nFROM d\nCOPY --from=three / /\n");
    EXPECT_EQ(spec.target, 4U);
    EXPECT_THAT(spec.stages[2].needs, ElementsAre(0, 1));
    EXPECT_THAT(spec.stages[4].needs, ElementsAre(2));
    std::vector<bool> needed;
    for (const StageSpec& stage : spec.stages) needed.push_back(stage.needed);
    EXPECT_THAT(needed, ElementsAre(true, true, true, false, true));
    EXPECT_EQ(spec.stages[4].display_name(), "stage 4");
}

TEST(Lower, KnowsTheAutomaticArguments) {
    BuildOptions options;
    options.target_platform = {"linux", "arm", "v7"};
    BuildSpec spec =
        spec_of("FROM --platform=$BUILDPLATFORM a-$TARGETARCH$TARGETVARIANT\n", options);
    EXPECT_EQ(spec.stages[0].platform, "linux/amd64");
    EXPECT_EQ(std::get<ImageRef>(spec.stages[0].base).image, "a-armv7");
    // Inside a stage they need to be declared.
    auto stage = lower_stage(spec_of("FROM a\nENV A=$TARGETARCH\nARG TARGETOS\nENV B=$TARGETOS"), 0,
                             StageState::of_scratch())
                     .value();
    EXPECT_EQ(*stage.end.env.find("A"), "");
    EXPECT_EQ(*stage.end.env.find("B"), "linux");
}

TEST(LowerStage, StartsFromTheBaseImage) {
    std::vector<std::string> env = {"PATH=/bin", "LANG=C"};
    StageState base = StageState::of_image(env, "/srv", "app", {"/bin/bash", "-c"}, {});
    LoweredStage stage =
        only_stage("FROM a\nRUN x\nWORKDIR sub\nENV PATH=/opt:$PATH\nRUN y\n", base);
    const auto& first = std::get<RunStep>(stage.steps[0].body);
    EXPECT_THAT(first.argv, ElementsAre("/bin/bash", "-c", "x"));
    EXPECT_EQ(stage.steps[0].workdir, "/srv");
    EXPECT_EQ(stage.steps[0].user, "app");
    EXPECT_EQ(stage.steps[3].workdir, "/srv/sub");
    EXPECT_THAT(stage.environment(stage.steps[0]).to_list(), ElementsAre("PATH=/bin", "LANG=C"));
    EXPECT_THAT(stage.environment(stage.steps[3]).to_list(),
                ElementsAre("PATH=/opt:/bin", "LANG=C"));
    EXPECT_EQ(*stage.end.env.find("PATH"), "/opt:/bin");
}

TEST(LowerStage, HandsItsStateToTheNext) {
    BuildSpec spec =
        spec_of("FROM a AS x\nARG V=1\nENV E=2\nUSER u\nSHELL [\"s\"]\nFROM x\nRUN y\n");
    auto first = lower_stage(spec, 0, StageState::of_scratch()).value();
    auto second = lower_stage(spec, 1, first.end).value();
    const Step& run = second.steps[0];
    EXPECT_EQ(run.user, "u");
    EXPECT_THAT(std::get<RunStep>(run.body).argv, ElementsAre("s", "y"));
    EXPECT_EQ(*second.environment(run).find("V"), "1");
    EXPECT_THAT(second.arguments(run), ElementsAre(KeyValue{"V", "1"}));
    // An ARG is no part of the image's configuration.
    EXPECT_EQ(second.end.env.find("V"), nullptr);
}

TEST(LowerStage, EntrypointClearsTheBaseCommand) {
    auto clears = [](std::string_view text) {
        LoweredStage stage = only_stage(text);
        return std::get<CommandStep>(stage.steps.back().body).clears_cmd;
    };
    EXPECT_TRUE(clears("FROM a\nENTRYPOINT [\"e\"]"));
    EXPECT_FALSE(clears("FROM a\nCMD [\"c\"]\nENTRYPOINT [\"e\"]"));
}

TEST(LowerStage, RunsTriggersFirst) {
    std::vector<std::string> triggers = {"COPY . /app", "ENV A=1"};
    StageState base = StageState::of_image({}, "", "", {}, triggers);
    LoweredStage stage = only_stage("FROM a\nRUN x", base);
    ASSERT_EQ(stage.steps.size(), 3U);
    EXPECT_TRUE(stage.steps[0].onbuild);
    EXPECT_EQ(stage.steps[0].span.line, 1U);
    EXPECT_FALSE(stage.steps[2].onbuild);
    EXPECT_THAT(stage.end.onbuild, IsEmpty());

    for (std::string trigger : {"NONSENSE", "", "RUN a\nRUN b", "ENV A=$"}) {
        base.onbuild = {trigger};
        auto lowered = lower_stage(spec_of("FROM a"), 0, base);
        if (trigger == "ENV A=$") continue;  // a lone '$' is text
        ASSERT_FALSE(lowered.has_value()) << trigger;
        EXPECT_THAT(lowered.error().text(), HasSubstr("Dockerfile:1"));
    }
}

TEST(LowerStage, BoundsVariables) {
    std::string names = "FROM a\nENV";
    for (int i = 0; i < 5000; ++i) names += " v" + std::to_string(i) + "=";
    EXPECT_EQ(lower_stage(spec_of(names), 0, {}).error().code(), Code::exhausted);
    std::string twice = "FROM a\nENV A=0123456789abcdef\n";
    for (int i = 0; i < 20; ++i) twice += "ENV A=$A$A\n";
    EXPECT_THAT(lower_stage(spec_of(twice), 0, {}).error().text(),
                HasSubstr("longer than 128 KiB"));
    EXPECT_EQ(lower_stage(spec_of("FROM a"), 1, {}).error().code(), Code::internal);
}

TEST(Lower, NamesUnusedBuildArguments) {
    BuildOptions options;
    options.build_args = {{"USED", "1"}, {"OTHER", "1"}, {"no_proxy", "x"}, {"TARGETARCH", "x"}};
    BuildSpec spec = spec_of("FROM a\nARG USED", options);
    EXPECT_THAT(unused_build_args(spec, {"USED"})->message(), HasSubstr("declares: OTHER"));
    EXPECT_FALSE(unused_build_args(spec, {"USED", "OTHER"}));
    EXPECT_THAT(spec.proxy_environment, ElementsAre("NO_PROXY=x", "no_proxy=x"));
}

TEST(Paths, Resolve) {
    EXPECT_EQ(resolve_path("/a", "b/../c/./d//"), "/a/c/d");
    EXPECT_EQ(resolve_path("/a", "/b"), "/b");
    EXPECT_EQ(resolve_path("/a", "../../.."), "/");
    EXPECT_EQ(resolve_destination("/a", "."), "/a/");
    EXPECT_EQ(resolve_destination("/a", ""), "/a/");
    EXPECT_EQ(resolve_destination("/a", "b/"), "/a/b/");
    EXPECT_EQ(resolve_destination("/a", "b"), "/a/b");
    EXPECT_EQ(resolve_destination("/", "/"), "/");
    EXPECT_EQ(clean_path("a/../../b"), "../b");
    EXPECT_EQ(clean_path(""), ".");
}

TEST(Values, Check) {
    bool host = false;
    EXPECT_THAT(parse_exposed("80", host).value(), ElementsAre("80/tcp"));
    EXPECT_THAT(parse_exposed("7-9/UDP", host).value(), ElementsAre("7/udp", "8/udp", "9/udp"));
    EXPECT_FALSE(host);
    EXPECT_THAT(parse_exposed("127.0.0.1:1:2", host).value(), ElementsAre("2/tcp"));
    EXPECT_TRUE(host);
    for (const char* port : {"", "x", "-1", "65536", "9-8", "1-", "1/http", "1/tcp/udp"})
        EXPECT_FALSE(parse_exposed(port, host)) << port;
    for (const char* signal : {"TERM", "sigkill", "SIGRTMIN+30", "RTMAX-1", "1", "64"})
        EXPECT_TRUE(check_signal(signal)) << signal;
    for (const char* signal :
         {"", "0", "65", "-9", "SIG", "RTMIN-1", "RTMAX+1", "RTMIN+31", "XYZZY"})
        EXPECT_FALSE(check_signal(signal)) << signal;
    EXPECT_EQ(parse_chmod("0755")->absolute(), 0755U);
    EXPECT_EQ(parse_chmod("7777")->absolute(), 07777U);
    EXPECT_TRUE(parse_chmod("u+x"));
    for (const char* mode : {"", "8", "10000", "-1", "7 "}) EXPECT_FALSE(parse_chmod(mode)) << mode;
}

}  // namespace
}  // namespace crank::dockerfile
