#include "oci/seccomp_profile.h"

#include <gtest/gtest.h>

namespace crank::oci {
namespace {

SeccompWorld world() {
    return {.architecture = "amd64",
            .capabilities = {"CAP_CHOWN", "CAP_SYS_ADMIN"},
            .kernel_major = 6,
            .kernel_minor = 1};
}

std::vector<std::string> names(std::string_view rules) {
    auto profile = parse_seccomp_profile(
        R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[)" + std::string(rules) + "]}", world());
    EXPECT_TRUE(profile) << profile.error().text();
    std::vector<std::string> all;
    if (profile)
        for (const SeccompSyscall& call : profile->syscalls)
            all.insert(all.end(), call.names.begin(), call.names.end());
    return all;
}

TEST(SeccompProfile, RulesOfOtherWorldsAreLeftOut) {
    using Names = std::vector<std::string>;
    EXPECT_EQ(names(R"({"names":["a"],"action":"SCMP_ACT_ALLOW","comment":"x","includes":{}})"),
              Names{"a"});
    EXPECT_EQ(names(R"({"name":"old","action":"SCMP_ACT_ALLOW","args":null})"), Names{"old"});
    for (const char* condition :
         {R"("includes":{"caps":["CAP_SYS_ADMIN"]})", R"("includes":{"arches":["arm","amd64"]})",
          R"("includes":{"minKernel":"4.8"})", R"("excludes":{"caps":["CAP_BPF"]})",
          R"("excludes":{"minKernel":"6.2"})"})
        EXPECT_EQ(
            names(R"({"names":["a"],"action":"SCMP_ACT_ALLOW",)" + std::string(condition) + "}"),
            Names{"a"})
            << condition;
    for (const char* condition :
         {R"("includes":{"caps":["CAP_SYS_ADMIN","CAP_BPF"]})", R"("includes":{"arches":["arm"]})",
          R"("includes":{"minKernel":"6.2"})", R"("excludes":{"caps":["CAP_CHOWN","CAP_BPF"]})",
          R"("excludes":{"arches":["amd64"]})"})
        EXPECT_EQ(
            names(R"({"names":["a"],"action":"SCMP_ACT_ALLOW",)" + std::string(condition) + "}"),
            Names{})
            << condition;
}

TEST(SeccompProfile, TheMapOfThisArchitectureCounts) {
    auto profile = parse_seccomp_profile(
        R"({"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":38,"archMap":[
            {"architecture":"SCMP_ARCH_AARCH64","subArchitectures":["SCMP_ARCH_ARM"]},
            {"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"]}
        ]})",
        world());
    ASSERT_TRUE(profile) << profile.error().text();
    EXPECT_EQ(profile->architectures,
              (std::vector<std::string>{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"}));
    EXPECT_EQ(profile->default_errno_ret, 38u);
}

TEST(SeccompProfile, BadProfilesAreNamed) {
    auto error = [](std::string_view json) {
        auto profile = parse_seccomp_profile(json, world());
        return profile ? "no error" : profile.error().text();
    };
    EXPECT_NE(error("{"), "no error");
    EXPECT_NE(error("{}").find("defaultAction"), std::string::npos);
    EXPECT_NE(error(R"({"defaultAction":"SCMP_ACT_ALLOW","sycalls":[]})").find("sycalls"),
              std::string::npos);
    EXPECT_NE(error(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"]}]})")
                  .find("syscalls[0]"),
              std::string::npos);
    EXPECT_NE(error(R"({"defaultAction":"A","syscalls":[{"names":["a"],"action":"B",)"
                    R"("includes":{"minKernel":"new"}}]})")
                  .find("minKernel"),
              std::string::npos);
}

}  // namespace
}  // namespace crank::oci
