#include "policy/document.h"

#include <gtest/gtest.h>

namespace crank::policy {
namespace {

std::string error_of_paths(std::string_view json) {
    auto document = parse_paths(json);
    return document ? "accepted" : document.error().text();
}

TEST(PathDocument, SplitsFixedFromPerCpu) {
    auto document = parse_paths(R"({"version": 1, "why": "a good reason",
        "masked": [{"path": "/proc/b", "why": "a good reason"},
                   {"path": "/proc/a", "why": "a good reason"},
                   {"path": "/sys/cpu{cpu}/x", "why": "a good reason"}],
        "readonly": [{"path": "/proc/sys", "why": "a good reason"}]})");
    ASSERT_TRUE(document) << document.error().text();
    EXPECT_EQ(document->masked, (std::vector<std::string>{"/proc/a", "/proc/b"}));
    EXPECT_EQ(document->masked_cpu, std::vector<std::string>{"/sys/cpu{cpu}/x"});
    EXPECT_EQ(document->readonly, std::vector<std::string>{"/proc/sys"});
}

TEST(PathDocument, RefusesWhatIsNotARule) {
    auto masked = [](std::string rule) {
        return R"({"version": 1, "why": "a good reason", "readonly": [{"path": "/proc/sys",
            "why": "a good reason"}], "masked": [)" +
               rule + "]}";
    };
    EXPECT_EQ(error_of_paths(masked(R"({"path": "/proc/kcore"})")),
              "masked path 1: the field \"why\" is missing");
    EXPECT_EQ(error_of_paths(masked(R"({"path": "/proc/kcore", "why": "todo"})")),
              "masked path 1: \"why\" gives no reason");
    EXPECT_EQ(error_of_paths(masked(R"({"path": "proc", "why": "a good reason"})")),
              "masked path 1: \"proc\" is not an absolute path");
    EXPECT_EQ(error_of_paths(masked(R"({"path": "/proc/../etc", "why": "a good reason"})")),
              "masked path 1: \"/proc/../etc\" is not an absolute path");
    EXPECT_EQ(error_of_paths(masked(R"({"path": "/a", "why": "a good reason", "y": 1})")),
              "masked path 1: unknown field \"y\"");
    EXPECT_EQ(error_of_paths(masked(R"({"path": "/a", "path": "/b", "why": "a good reason"})")),
              "the key \"path\" stands twice in one object");
    EXPECT_EQ(error_of_paths(masked(R"({"path": "/a", "why": "a good reason"},
                                       {"path": "/a", "why": "a good reason"})")),
              "masked path 2: \"/a\" is listed twice");
    EXPECT_EQ(error_of_paths(masked("")), "masked: not a list with something in it");
    EXPECT_EQ(error_of_paths("[]"), "paths: not an object");
    EXPECT_TRUE(error_of_paths("{").starts_with("not valid json: "));
}

TEST(CapabilityDocument, RefusesWhatIsNotARule) {
    auto error_of = [](std::string rule) {
        auto document = parse_capabilities(
            R"({"version": 1, "why": "a good reason", "default": [)" + rule + "]}");
        return document ? "accepted" : document.error().text();
    };
    EXPECT_EQ(error_of(R"({"name": "CAP_KILL", "why": "a good reason"})"), "accepted");
    EXPECT_EQ(error_of(R"({"name": "CAP_KILL"})"), "capability: the field \"why\" is missing");
    EXPECT_EQ(error_of(R"({"name": "CAP_FLY", "why": "a good reason"})"),
              "unknown capability \"CAP_FLY\"");
    EXPECT_EQ(error_of(R"({"name": "CAP_KILL", "why": "a good reason"},
                          {"name": "CAP_KILL", "why": "a good reason"})"),
              "CAP_KILL is listed twice");
}

TEST(SysctlDocument, RefusesWhatIsNotARule) {
    auto error_of = [](std::string rule) {
        auto document =
            parse_sysctls(R"({"version": 1, "why": "a good reason", "allowed": [)" + rule + "]}");
        return document ? "accepted" : document.error().text();
    };
    EXPECT_EQ(error_of(R"({"name": "net.", "namespace": "network", "why": "a good reason"})"),
              "accepted");
    EXPECT_EQ(error_of(R"({"name": "net.", "namespace": "network"})"),
              "sysctl 1: the field \"why\" is missing");
    EXPECT_EQ(error_of(R"({"name": "net.", "namespace": "net", "why": "a good reason"})"),
              "sysctl 1: no namespace \"net\"");
    EXPECT_EQ(error_of(R"({"name": ".", "namespace": "network", "why": "a good reason"})"),
              "sysctl 1: \".\" is no setting");
}

}  // namespace
}  // namespace crank::policy
