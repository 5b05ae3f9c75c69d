#include "deploy/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sys/system.h"

namespace crank::deploy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using End = AuditEntry::End;

AuditEntry entry(std::string id, std::string what, End end = End::good) {
    return {.id = std::move(id), .at_ns = 7, .what = std::move(what), .end = end};
}
std::vector<std::string> told(const std::vector<AuditEntry>& entries) {
    std::vector<std::string> texts;
    for (const AuditEntry& one : entries)
        texts.push_back(one.what + (one.end == End::none ? " begun" : ""));
    return texts;
}

class DeployAudit : public testing::Test {
protected:
    void SetUp() override {
        paths_.root = testing::TempDir() + "/audit-" + std::to_string(sys::wall_clock_ns());
    }
    void TearDown() override { (void)sys::remove_tree(paths_.root); }

    void add(const AuditEntry& one) {
        Result<> added = add_audit_entry(paths_, "shop", one, sys::Sync::yes);
        ASSERT_TRUE(added) << added.error().text();
    }
    std::string file() const { return paths_.root + "/audit/shop"; }
    std::vector<std::string> listed() {
        auto entries = list_audit(paths_, "shop");
        EXPECT_TRUE(entries) << entries.error().text();
        return told(*entries);
    }

    engine::Paths paths_;
};

TEST_F(DeployAudit, WhatIsWrittenIsRead) {
    AuditEntry all{.id = "1f",
                   .at_ns = 5,
                   .who = {.name = "root", .uid = 0, .sudo_user = "ann"},
                   .what = "deploy",
                   .message = "two\nlines \"quoted\"",
                   .before = 3,
                   .after = 4,
                   .end = End::failed,
                   .error = "e"};
    EXPECT_EQ(parse_audit_entry(serialize(all)), all);
    EXPECT_FALSE(serialize(all).contains('\n'));
    EXPECT_FALSE(parse_audit_entry("{}"));
    EXPECT_FALSE(parse_audit_entry("no JSON"));
    EXPECT_FALSE(parse_audit_entry(serialize(all).substr(0, 40)));
}

TEST_F(DeployAudit, OfACommandTheLastLineCountsWhereItBegan) {
    std::string lines =
        serialize(entry("1", "up", End::none)) + "\n" + serialize(entry("2", "lock")) + "\n" +
        serialize(entry("3", "scale", End::none)) + "\n" + serialize(entry("1", "up")) + "\n";
    EXPECT_THAT(told(entries_of(lines)), ElementsAre("up", "lock", "scale begun"));
    EXPECT_THAT(told(entries_of("")), IsEmpty());
}

TEST_F(DeployAudit, NoneIsNoError) { EXPECT_THAT(listed(), IsEmpty()); }

TEST_F(DeployAudit, ATornLineIsPassedOverAndTheNextStandsAlone) {
    add(entry("1", "up"));
    std::string torn = *sys::read_file(file()) + serialize(entry("2", "deploy")).substr(0, 30);
    ASSERT_TRUE(sys::write_file_atomic(file(), torn, 0600, sys::Sync::no));
    EXPECT_THAT(listed(), ElementsAre("up"));
    add(entry("3", "down"));
    EXPECT_THAT(listed(), ElementsAre("up", "down"));
}

TEST_F(DeployAudit, AFullFileBecomesTheOldOneAndTheOldestGo) {
    AuditEntry large = entry("old", "old");
    large.error = std::string(static_cast<std::size_t>(kMaxAuditFile), 'x');
    add(large);
    large.id = large.what = "newer";
    add(large);
    add(entry("1", "up"));
    EXPECT_THAT(listed(), ElementsAre("newer", "up"));
    EXPECT_EQ(sys::stat(file())->mode & 0777, 0600U);
}

TEST_F(DeployAudit, ANameThatIsNoProjectsIsAnError) {
    for (const char* name : {"", "..", "a/b", ".lock"}) {
        EXPECT_FALSE(add_audit_entry(paths_, name, entry("1", "up"), sys::Sync::no)) << name;
        EXPECT_FALSE(list_audit(paths_, name)) << name;
    }
}

}  // namespace
}  // namespace crank::deploy
