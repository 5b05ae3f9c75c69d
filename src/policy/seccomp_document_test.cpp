#include "policy/seccomp_document.h"

#include <gtest/gtest.h>

#include "policy/seccomp_test_support.h"

namespace crank::policy {
namespace {

using test::tree_policy;
using test::tree_table;

std::string policy_with(const std::string& rules) {
    return R"({"version": 1, "why": "a good reason",
        "default": {"action": "error", "errno": "EPERM", "why": "a good reason"},
        "newer": {"errno": "ENOSYS", "why": "a good reason"},
        "architectures": [{"native": "x86_64", "also": ["i386"], "why": "a good reason"}],
        "rules": [)" +
           rules + "]}";
}

std::string error_of(const std::string& fields) {
    auto policy = parse_seccomp(policy_with("{\"name\": \"r\", " + fields + "}"), tree_table());
    return policy ? "accepted" : policy.error().text();
}

TEST(SeccompDocument, TheTreesPolicyDeniesByDefault) {
    EXPECT_EQ(tree_policy().base.default_action, Action::error);
    EXPECT_EQ(tree_policy().base.default_errno_ret, 1U);
    EXPECT_GT(tree_policy().rules.size(), 40U);
}

TEST(SeccompDocument, ArgumentsBecomeOneRulePerCombination) {
    auto policy = parse_seccomp(policy_with(R"({"name": "r", "why": "a good reason",
        "action": "allow", "syscalls": ["socket"], "with_capability": "CAP_KILL", "arguments": [
            {"index": 0, "is": "in", "values": [1, [5, "0x9"]]},
            {"index": 2, "is": "masked", "mask": "0xf0", "value": "0x10"}]})"),
                                tree_table());
    ASSERT_TRUE(policy) << policy.error().text();
    ASSERT_EQ(policy->rules.size(), 2U);
    EXPECT_EQ(policy->rules[0].with, bit(5));
    ArgumentTest masked{2, Compare::masked_equal, 0xf0, 0x10};
    EXPECT_EQ(policy->rules[0].rule.tests,
              (std::vector<ArgumentTest>{{0, Compare::equal, 1, 0}, masked}));
    EXPECT_EQ(policy->rules[1].rule.tests,
              (std::vector<ArgumentTest>{{0, Compare::in_range, 5, 9}, masked}));
}

TEST(SeccompDocument, CapabilitiesSelectRules) {
    SeccompPolicy policy;
    policy.rules.push_back({{{"mount"}, Action::allow, {}, {}}, bit(21), 0});
    policy.rules.push_back({{{"clone"}, Action::allow, {}, {}}, 0, bit(21)});
    auto names = [&policy](CapabilitySet set) {
        std::vector<std::string> found;
        for (const auto& rule : filter_for(policy, set, Architecture::x86_64).rules)
            found.push_back(rule.names[0]);
        return found;
    };
    EXPECT_EQ(names(0), std::vector<std::string>{"clone"});
    EXPECT_EQ(names(bit(21)), std::vector<std::string>{"mount"});
}

TEST(SeccompDocument, RefusesWhatIsNotARule) {
    const std::string why = R"("why": "a good reason", )";
    const std::string allow = why + R"("action": "allow", "syscalls": ["read"])";
    EXPECT_EQ(error_of(allow), "accepted");
    EXPECT_EQ(error_of(R"("action": "allow", "syscalls": ["read"])"),
              "rule: the field \"why\" is missing");
    EXPECT_EQ(error_of(R"("why": "because", "action": "allow", "syscalls": ["read"])"),
              "rule \"r\": \"why\" gives no reason");
    EXPECT_EQ(error_of(why + R"("action": "deny", "syscalls": ["read"])"),
              "rule \"r\": \"action\" is neither \"allow\" nor \"error\"");
    EXPECT_EQ(error_of(allow + R"(, "errno": "EPERM")"),
              "rule \"r\": \"errno\" goes with \"error\"");
    EXPECT_EQ(error_of(why + R"("action": "error", "errno": "EIO", "syscalls": ["read"])"),
              "rule \"r\": errno \"EIO\" is neither EPERM nor ENOSYS");
    EXPECT_EQ(error_of(why + R"("action": "allow", "syscalls": ["raed"])"),
              "rule \"r\": no system call \"raed\"");
    EXPECT_EQ(error_of(why + R"("action": "allow", "syscalls": ["read", "read"])"),
              "rule \"r\": \"read\" is listed twice");
    EXPECT_EQ(error_of(why + R"("action": "allow", "syscalls": [])"),
              "rule \"r\": not a list with something in it");
    EXPECT_EQ(error_of(allow + R"(, "with_capability": "CAP_FLY")"),
              "rule \"r\": unknown capability \"CAP_FLY\"");
    EXPECT_EQ(error_of(allow + R"(, "whitout_capability": "CAP_KILL")"),
              "rule: unknown field \"whitout_capability\"");
}

TEST(SeccompDocument, RefusesArgumentsThatCannotBeMeant) {
    auto error = [](const std::string& arguments) {
        return error_of(R"("why": "a good reason", "action": "allow", "syscalls": ["read"],
                        "arguments": )" +
                        arguments);
    };
    EXPECT_EQ(error(R"([{"index": 6, "is": "in", "values": [1]}])"),
              "rule \"r\": argument index above 5");
    EXPECT_EQ(error(R"([{"index": 0, "is": "in", "values": [[5, 1]]}])"),
              "rule \"r\": [5,1] is an empty range");
    EXPECT_EQ(error(R"([{"index": 0, "is": "in", "values": ["0xg"]}])"),
              "rule \"r\": \"0xg\" is not a number of at most 64 bits");
    EXPECT_EQ(error(R"([{"index": 0, "is": "in", "values": [-1]}])"),
              "rule \"r\": -1 is not a number of at most 64 bits");
    EXPECT_EQ(error(R"([{"index": 0, "is": "masked", "mask": 1, "value": 3}])"),
              "rule \"r\": the value has bits that the mask lacks");
    EXPECT_EQ(error(R"([{"index": 0, "is": "near", "values": [1]}])"),
              "rule \"r\": \"is\" is neither \"in\" nor \"masked\"");
    EXPECT_EQ(error(R"([{"index": 0, "is": "in", "values": [1]},
                        {"index": 0, "is": "in", "values": [2]}])"),
              "rule \"r\": an argument is tested twice");
    EXPECT_EQ(error("[7]"), "rule \"r\": an argument is not an object");
}

TEST(SeccompDocument, RefusesAPolicyThatAllowsByDefault) {
    std::string json = policy_with("");
    json.replace(json.find("\"error\""), 7, "\"allow\"");
    auto policy = parse_seccomp(json, tree_table());
    ASSERT_FALSE(policy);
    EXPECT_EQ(policy.error().text(), "default: the policy must deny");
}

TEST(SyscallDocument, RefusesNumbersThatStandTwice) {
    auto error = [](const std::string& calls) {
        auto document =
            parse_syscalls(R"({"version": 1, "why": "a good reason", "syscalls": )" + calls + R"(,
            "architectures": ["x86_64", "i386", "aarch64", "arm"]})");
        return document ? "accepted" : document.error().text();
    };
    EXPECT_EQ(error(R"({"a": [1, null, 2, 3]})"), "accepted");
    EXPECT_EQ(error(R"({"a": [1, 1, 1, 1], "b": [2, 1, 2, 2]})"),
              "syscalls: the number 1 stands twice");
    EXPECT_EQ(error(R"({"a": [1, 2, 3]})"), "a: not one number for each architecture");
    EXPECT_EQ(error(R"({"a": [1, -2, 3, 4]})"), "a: not a number: -2");
}

}  // namespace
}  // namespace crank::policy
