#include "build/graph.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace crank::build {
namespace {

KeyInputs inputs() {
    return {.platform = "linux/amd64",
            .parent = {oci::Digest::of("lowest"), oci::Digest::of("top")},
            .epoch = 315619200};
}

RunOp run_op() {
    RunOp op;
    op.argv = {"/bin/sh", "-c", "pip install fastapi"};
    op.env = {"PATH=/usr/bin", "A=1"};
    op.user = "worker";
    op.cwd = "/app";
    return op;
}

CopyOp copy_op() {
    CopyOp op;
    op.step.sources = {"requirements.txt"};
    op.step.dest = "/app/";
    return op;
}

std::string key_of(const Op& op, const KeyInputs& in = inputs()) {
    return cache_key(op, in)->hex();
}

// Golden: a change here makes every cache useless, so it goes with a change of the version in the
// hashed text.
TEST(CacheKey, IsTheSameEverywhere) {
    EXPECT_EQ(key_of(run_op()), "8962d4833f6323e5978046cd1d7fef24aa796be4d260cc738d18eaee48ca71c2");
    KeyInputs with_content = inputs();
    with_content.content = oci::Digest::of("selection");
    EXPECT_EQ(key_of(copy_op(), with_content),
              "4da10d35c660cd513d0e22813ba95a56ee2552cffa2db7dacd7a1c22f2c37aef");
    EXPECT_EQ(key_of(DirectoryOp{"/app", "worker"}),
              "d071151973899869c031bb431175efff0cc8a95551af4bdf70705987eb753706");
    EXPECT_FALSE(cache_key(ConfigOp{}, inputs()));
}

TEST(CacheKey, DependsOnEverythingARunSees) {
    std::string key = key_of(run_op());
    auto changed = [&](auto change) {
        RunOp op = run_op();
        change(op);
        return key_of(op) != key;
    };
    EXPECT_TRUE(changed([](RunOp& op) { op.argv[2] += " "; }));
    EXPECT_TRUE(changed([](RunOp& op) { op.env[1] = "A=2"; }));
    EXPECT_TRUE(changed([](RunOp& op) { op.env.push_back("B="); }));
    EXPECT_TRUE(changed([](RunOp& op) { op.user = ""; }));
    EXPECT_TRUE(changed([](RunOp& op) { op.cwd = "/"; }));
    EXPECT_TRUE(changed([](RunOp& op) { op.network = RunOp::Network::none; }));
    EXPECT_TRUE(changed([](RunOp& op) { op.script = {"/dev/pipes/EOF", "#!/bin/sh\n"}; }));
    // Not on what the host lends for the time of the build, nor on the order of definitions.
    EXPECT_FALSE(changed([](RunOp& op) { op.transient_env = {"HTTP_PROXY=http://x"}; }));
    EXPECT_FALSE(changed([](RunOp& op) { std::swap(op.env[0], op.env[1]); }));
}

TEST(CacheKey, DependsOnWhatItStandsOn) {
    std::string key = key_of(run_op());
    auto changed = [&](auto change) {
        KeyInputs in = inputs();
        change(in);
        return key_of(run_op(), in) != key;
    };
    EXPECT_TRUE(changed([](KeyInputs& in) { in.parent.pop_back(); }));
    EXPECT_TRUE(changed([](KeyInputs& in) { std::swap(in.parent[0], in.parent[1]); }));
    EXPECT_TRUE(changed([](KeyInputs& in) { in.epoch = 0; }));
    EXPECT_TRUE(changed([](KeyInputs& in) { in.platform = "linux/arm64"; }));
    EXPECT_TRUE(changed([](KeyInputs& in) { in.content = oci::Digest::of("x"); }));
    EXPECT_TRUE(changed([](KeyInputs& in) { std::swap(in.parent, in.other_parent); }));
}

TEST(CacheKey, DependsOnWhatStepsHaveBesideTheUsualButNotOnWhatTheyMayUse) {
    auto changed = [&](auto change) {
        BuildRequest::StepSettings settings;
        change(settings);
        KeyInputs in = inputs();
        in.settings = settings_text(settings);
        return key_of(run_op(), in) != key_of(run_op());
    };
    using Settings = BuildRequest::StepSettings;
    EXPECT_FALSE(changed([](Settings&) {}));
    EXPECT_TRUE(changed([](Settings& s) { s.hosts = {{"db", "10.0.0.1"}}; }));
    EXPECT_TRUE(changed([](Settings& s) { s.rlimits = {{"RLIMIT_NOFILE", 1, 2}}; }));
    EXPECT_TRUE(changed([](Settings& s) { s.shm_size = 1 << 20; }));
    EXPECT_FALSE(changed([](Settings& s) { s.resources.memory_limit = 1 << 20; }));
}

TEST(CacheKey, OfACopyFromTheContextIsItsContentNotItsPatterns) {
    KeyInputs in = inputs();
    in.content = oci::Digest::of("selection");
    CopyOp a = copy_op(), b = copy_op();
    b.step.sources = {"requirements.*"};
    EXPECT_EQ(key_of(a, in), key_of(b, in));
    b.step.dest = "/app/x";
    EXPECT_NE(key_of(a, in), key_of(b, in));
    b = copy_op();
    b.step.chmod = dockerfile::ModeChange::parse("0755");
    EXPECT_NE(key_of(a, in), key_of(b, in));
    b = copy_op();
    b.step.chown = "worker";
    EXPECT_NE(key_of(a, in), key_of(b, in));
    b = copy_op();
    b.step.origin = dockerfile::StageRef{0};
    CopyOp c = b;
    c.step.sources = {"other"};
    EXPECT_NE(key_of(b, in), key_of(c, in));
}

Result<Op> op_for(const std::string& instruction) {
    auto file = dockerfile::parse("FROM scratch\nARG SEED=7\nENV PYTHONHASHSEED=1\n" + instruction,
                                  "Dockerfile");
    if (!file) return fail(std::move(file).error());
    dockerfile::BuildOptions options;
    options.build_args["HTTPS_PROXY"] = "http://proxy:3128";
    auto spec = dockerfile::lower(*file, options);
    if (!spec) return fail(std::move(spec).error());
    auto stage = dockerfile::lower_stage(*spec, 0, {});
    if (!stage) return fail(std::move(stage).error());
    return op_of(stage->steps.back(), *stage, *spec, 42);
}

TEST(OpOf, GivesARunItsEnvironment) {
    auto op = op_for("RUN true");
    ASSERT_TRUE(op) << op.error().text();
    const auto& run = std::get<RunOp>(*op);
    auto has = [&](const std::string& entry) {
        return std::ranges::find(run.env, entry) != run.env.end();
    };
    EXPECT_TRUE(has("SEED=7"));
    EXPECT_TRUE(has("SOURCE_DATE_EPOCH=42"));
    EXPECT_TRUE(has("PIP_NO_CACHE_DIR=1"));
    // The Dockerfile's own ENV wins.
    EXPECT_TRUE(has("PYTHONHASHSEED=1"));
    EXPECT_FALSE(has("PYTHONHASHSEED=0"));
    EXPECT_FALSE(has("HTTPS_PROXY=http://proxy:3128"));
    EXPECT_NE(std::ranges::find(run.transient_env, "HTTPS_PROXY=http://proxy:3128"),
              run.transient_env.end());
}

TEST(OpOf, RefusesWhatItCannotDoByName) {
    struct Case {
        const char *instruction, *message;
    };
    for (const Case& c : std::initializer_list<Case>{
             {"RUN --device=gpu true", "RUN --device is not supported yet"},
             {"RUN --security=insecure true", "RUN --security=insecure is not supported yet"},
         }) {
        auto op = op_for(c.instruction);
        ASSERT_FALSE(op) << c.instruction;
        EXPECT_EQ(op.error().code(), Code::unsupported) << c.instruction;
        EXPECT_EQ(op.error().message(), c.message);
        EXPECT_FALSE(op.error().hint().empty());
    }
}

TEST(OpOf, ChangesNoFileForConfiguration) {
    for (const char* instruction :
         {"ENV A=1", "USER worker", "CMD true", "LABEL a=b", "WORKDIR /", "EXPOSE 80", "ARG X"}) {
        auto op = op_for(instruction);
        ASSERT_TRUE(op) << instruction;
        EXPECT_TRUE(std::holds_alternative<ConfigOp>(*op)) << instruction;
    }
    EXPECT_TRUE(std::holds_alternative<DirectoryOp>(*op_for("WORKDIR /app")));
}

}  // namespace
}  // namespace crank::build
