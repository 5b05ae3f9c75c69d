#include "engine/other_runtime.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>

namespace crank::engine::other {
namespace {

Record record_of(const std::string& name) {
    Record record{.id = "0123"};
    record.settings.runtime = name;
    record.settings.runtime_command = {"/usr/bin/" + name, "--debug"};
    return record;
}

const Paths kPaths{.root = "/root", .state = "/state", .config = "/config.json"};

TEST(OtherRuntime, CrankItselfNeedsNoProgram) {
    for (const char* name : {"", "crank"}) {
        auto found = find(Config(), "/config.json", name);
        ASSERT_TRUE(found);
        EXPECT_TRUE(found->empty());
    }
}

TEST(OtherRuntime, AnUnknownNameSaysWhereItWasLookedFor) {
    auto found = find(Config(), "/etc/crank.json", "no-such-runtime");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code(), Code::not_found);
    EXPECT_NE(found.error().message().find("runtime.no-such-runtime in /etc/crank.json"),
              std::string::npos);
    EXPECT_NE(found.error().message().find("/usr/local/sbin"), std::string::npos);
    EXPECT_NE(found.error().hint().find("/path/to/it"), std::string::npos);
}

TEST(OtherRuntime, APathIsItselfAndARelativeOneIsRefused) {
    EXPECT_EQ(find(Config(), "", "/bin/sh").value(), std::vector<std::string>{"/bin/sh"});
    EXPECT_EQ(find(Config(), "", "./sh").error().code(), Code::invalid_argument);
    EXPECT_EQ(find(Config(), "", "/nonexistent/runc").error().code(), Code::not_found);
    EXPECT_EQ(find(Config(), "", "/etc/passwd").error().code(), Code::not_found);
}

TEST(OtherRuntime, TheConfigurationNamesAProgramAndItsOptions) {
    auto config = Config::parse(R"({"runtime.mine": "/bin/sh --platform  kvm"})", "/c");
    ASSERT_TRUE(config);
    EXPECT_EQ(find(*config, "/c", "mine").value(),
              (std::vector<std::string>{"/bin/sh", "--platform", "kvm"}));
    auto list = known(*config);
    EXPECT_TRUE(std::ranges::any_of(list, [](const auto& one) { return one.first == "mine"; }));
    config = Config::parse(R"({"runtime.mine": "sh"})", "/c");
    auto found = find(*config, "/c", "mine");
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().message().find("runtime.mine of /c"), std::string::npos);
}

TEST(OtherRuntime, WhatCranksShimAloneCanDoIsRefusedByName) {
    RunOptions options;
    options.settings.runtime = "runc";
    EXPECT_TRUE(check(options));
    options.sandbox = Sandbox::strict;
    EXPECT_NE(check(options).error().message().find("--sandbox strict with --runtime runc"),
              std::string::npos);
    options.sandbox = Sandbox::usual;
    options.userns = ids::Wanted{ids::Wanted::Mode::automatic, 0};
    EXPECT_NE(check(options).error().message().find("--userns=auto with --runtime runc"),
              std::string::npos);
    oci::RuntimeSpec spec;
    EXPECT_TRUE(check(options, spec));
    spec.linux.links = {{"a", "/b"}};
    EXPECT_NE(check(options, spec).error().message().find("--device with --runtime runc"),
              std::string::npos);
}

TEST(OtherRuntime, TheBundleSaysWhatCranksOwnRuntimeDoesByItself) {
    oci::RuntimeSpec spec;
    spec.linux.namespaces = {{"network", ""}, {"pid", ""}, {"mount", ""}};
    spec.linux.devices = {{"/dev/fuse", "c", 10, 229, 0666, 0, 0}};
    spec.process.capabilities.bounding = {"CAP_CHOWN"};
    Record record = record_of("runc");
    record.network.mode = "bridge";
    auto told = spec_for(spec, record, "/bundle", "/rootfs");
    ASSERT_TRUE(told);
    EXPECT_EQ(told->root_path, "/rootfs");
    EXPECT_EQ(told->linux.namespaces[0].path, "/bundle/ns-network");
    EXPECT_EQ(told->linux.namespaces[1].path, "");
    ASSERT_TRUE(told->linux.seccomp);
    EXPECT_EQ(told->linux.seccomp->default_action, "SCMP_ACT_ERRNO");
    const auto& rules = told->linux.resources.devices;
    ASSERT_EQ(rules.size(), 2U);
    EXPECT_FALSE(rules[0].allow);
    EXPECT_EQ(rules[1].minor, 229);
    record.settings.seccomp = kUnconfined;
    record.network.mode = "host";
    told = spec_for(spec, record, "/bundle", "/rootfs");
    EXPECT_FALSE(told->linux.seccomp);
    EXPECT_EQ(told->linux.namespaces[0].path, "");
}

TEST(OtherRuntime, EachCommandNamesTheRuntimesOwnState) {
    Record record = record_of("runc");
    auto commands = commands_of(kPaths, record);
    std::vector<std::string> head{"/usr/bin/runc", "--debug", "--root", "/state/runtimes/runc"};
    for (const auto& words : {commands.create, commands.start, commands.kill, commands.remove})
        EXPECT_TRUE(std::ranges::equal(head, std::span(words).first(head.size())));
    EXPECT_EQ(commands.create.back(), "0123");
    EXPECT_EQ(std::ranges::count(commands.create, "--console-socket"), 0);
    record.terminal = true;
    EXPECT_EQ(std::ranges::count(commands_of(kPaths, record).create, "--console-socket"), 1);
}

struct Words {
    const char* log;
    Code code;
    const char* says;
};

TEST(OtherRuntime, ItsWordsAreTheErrors) {
    const Words kCases[] = {
        {R"({"level":"error","msg":"runc create failed: exec: \"x\": executable file not found in $PATH"})",
         Code::command_not_found, "executable file not found"},
        {"{\"level\":\"warning\",\"msg\":\"slow\"}\n"
         "{\"level\":\"error\",\"msg\":\"exec /x: Permission denied\"}\n",
         Code::cannot_invoke, "Permission denied"},
        {R"({"level":"error","msg":"cgroups in hybrid mode not supported"})", Code::step_failed,
         "hybrid mode"},
        {"no JSON at all\n{\"level\":1,\"msg\":2}\n{}", Code::step_failed, "create ended with 1"},
        {"", Code::step_failed, "create ended with 1"},
    };
    for (const Words& one : kCases) {
        Error error = explain(Error(Code::step_failed, "/usr/bin/runc create ended with 1"),
                              record_of("runc"), one.log);
        EXPECT_EQ(error.code(), one.code) << one.log;
        EXPECT_NE(error.text().find(one.says), std::string::npos) << error.text();
    }
}

}  // namespace
}  // namespace crank::engine::other
