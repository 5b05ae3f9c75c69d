#include "pki/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::pki {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr TimePoint kNow{std::chrono::seconds(1'800'000'000)};

TEST(WorkerName, TakesDnsLabels) {
    for (const auto* name : {"a", "email-classifier", "w2", "0x", "a--b"})
        EXPECT_EQ(parse_worker_name(name).value(), name);
    EXPECT_TRUE(parse_worker_name(std::string(63, 'a')));
}

TEST(WorkerName, RefusesEverythingElse) {
    const std::string with_nul("a\0b", 3);
    for (const std::string& name :
         {std::string(), std::string("-a"), std::string("a-"), std::string("Email"),
          std::string("a.b"), std::string("a/b"), std::string("../ca"), std::string("a b"),
          std::string("a,b"), with_nul, std::string(64, 'a')}) {
        auto result = parse_worker_name(name);
        ASSERT_FALSE(result) << name;
        EXPECT_EQ(result.error().code(), Code::invalid_argument);
        EXPECT_THAT(result.error().text(), HasSubstr("invalid worker name"));
        EXPECT_THAT(result.error().hint(), HasSubstr("a-z"));
    }
}

TEST(DnsName, TakesHostNames) {
    EXPECT_EQ(parse_dns_name("Mail.Example.internal").value(), "mail.example.internal");
    EXPECT_EQ(parse_dns_name("*.workers.test").value(), "*.workers.test");
}

TEST(DnsName, RefusesEverythingElse) {
    for (const std::string& name :
         {std::string(), std::string("a..b"), std::string(".a"), std::string("a."),
          std::string("*"), std::string("a.*.b"), std::string("10.0.0.1"), std::string("::1"),
          std::string("a_b"), std::string("a,DNS:b"), std::string(254, 'a')}) {
        auto result = parse_dns_name(name);
        ASSERT_FALSE(result) << name;
        EXPECT_THAT(result.error().text(), HasSubstr("invalid DNS name"));
    }
}

TEST(PlanLeaf, NamesEachNameOnce) {
    LeafSpec spec;
    spec.name = "email-classifier";
    spec.dns = {"LOCALHOST", "mail.internal", "email-classifier", "mail.internal"};
    auto plan = plan_leaf(spec, kNow);
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_EQ(plan->spiffe_id, "spiffe://crank.local/worker/email-classifier");
    EXPECT_THAT(plan->dns, ElementsAre("email-classifier", "localhost", "mail.internal"));
    EXPECT_EQ(plan->not_before, kNow - std::chrono::minutes(5));
    EXPECT_EQ(plan->not_after, kNow + std::chrono::days(90));
}

TEST(PlanLeaf, BoundsTheValidity) {
    for (int days : {-1, 0, 399}) {
        auto plan = plan_leaf({.name = "a", .dns = {}, .days = days}, kNow);
        ASSERT_FALSE(plan);
        EXPECT_THAT(plan.error().text(), HasSubstr("invalid validity"));
    }
    EXPECT_TRUE(plan_leaf({.name = "a", .dns = {}, .days = 398}, kNow));
}

}  // namespace
}  // namespace crank::pki
