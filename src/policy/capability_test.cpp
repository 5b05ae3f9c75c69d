#include "policy/capability.h"

#include <gtest/gtest.h>

namespace crank::policy {
namespace {

TEST(Capability, NamesAndNumbersAreTheKernels) {
    EXPECT_EQ(capability_name(0), "CAP_CHOWN");
    EXPECT_EQ(capability_name(21), "CAP_SYS_ADMIN");
    EXPECT_EQ(capability_name(40), "CAP_CHECKPOINT_RESTORE");
    for (int n = 0; n < kCapabilityCount; ++n) EXPECT_EQ(capability_number(capability_name(n)), n);
}

TEST(Capability, PrefixAndCaseDoNotMatter) {
    EXPECT_EQ(capability_number("sys_admin"), 21);
    EXPECT_EQ(capability_number("Cap_Sys_Admin"), 21);
    EXPECT_EQ(capability_number("CAP_"), std::nullopt);
    EXPECT_EQ(capability_number(""), std::nullopt);
}

TEST(Capability, UnknownNameSaysWhatWasMeant) {
    std::vector<std::string> names = {"CAP_CHOWN", "NET_ADMN"};
    auto set = capability_set(names);
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code(), Code::invalid_argument);
    EXPECT_EQ(set.error().message(), "unknown capability \"NET_ADMN\"");
    EXPECT_EQ(set.error().hint(), "did you mean CAP_NET_ADMIN?");
}

using Names = std::vector<std::string>;

TEST(Capability, AddAndDropAsDocker) {
    CapabilitySet base = *capability_set(Names{"chown", "kill"});
    auto names = [&](const Names& add, const Names& drop) {
        return capability_names(*adjust_capabilities(base, add, drop));
    };
    EXPECT_EQ(names({}, {}), (Names{"CAP_CHOWN", "CAP_KILL"}));
    EXPECT_EQ(names({"NET_ADMIN"}, {"KILL"}), (Names{"CAP_CHOWN", "CAP_NET_ADMIN"}));
    EXPECT_EQ(names({}, {"ALL"}), Names{});
    EXPECT_EQ(names({"mknod"}, {"all"}), Names{"CAP_MKNOD"});
    EXPECT_EQ(names({"kill"}, {"kill"}), (Names{"CAP_CHOWN", "CAP_KILL"}));
    EXPECT_EQ(*adjust_capabilities(base, Names{"ALL"}, Names{"sys_admin"}),
              kAllCapabilities & ~bit(21));
}

TEST(Capability, AddAndDropRefuseNonsense) {
    auto both = adjust_capabilities(0, Names{"ALL"}, Names{"ALL"});
    ASSERT_FALSE(both);
    EXPECT_EQ(both.error().text(), "--cap-add ALL contradicts --cap-drop ALL");
    auto unknown = adjust_capabilities(0, {}, Names{"FLY"});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().text(), "--cap-drop: unknown capability \"FLY\"");
}

}  // namespace
}  // namespace crank::policy
