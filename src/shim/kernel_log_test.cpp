#include "shim/kernel_log.h"

#include <gtest/gtest.h>

#include <string>

namespace crank::shim {
namespace {

constexpr const char* kGroup = "/crank/abc";

std::string oom_line(const std::string& where, const std::string& task) {
    return "6,339,5140900,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,"
           "mems_allowed=0," +
           where + ",task=" + task + ",pid=4711,uid=0";
}

TEST(KernelLog, NamesWhomTheContainersLimitKilled) {
    Victim victim;
    ASSERT_TRUE(parse_oom_kill(
        oom_line("oom_memcg=/crank/abc,task_memcg=/crank/abc", "python3").c_str(), kGroup, victim));
    EXPECT_EQ(victim.pid, 4711);
    EXPECT_STREQ(victim.name, "python3");
    EXPECT_TRUE(victim.own_limit);
}

TEST(KernelLog, GroupsBelowAndPathsFromTheHostsRootCount) {
    Victim victim;
    EXPECT_TRUE(parse_oom_kill(
        oom_line("oom_memcg=/outer/crank/abc,task_memcg=/outer/crank/abc/sub", "x").c_str(), kGroup,
        victim));
    EXPECT_TRUE(victim.own_limit);
}

TEST(KernelLog, TheMachinesWantIsNotTheContainersLimit) {
    Victim victim;
    ASSERT_TRUE(
        parse_oom_kill(oom_line("global_oom,task_memcg=/crank/abc", "x").c_str(), kGroup, victim));
    EXPECT_FALSE(victim.own_limit);
    ASSERT_TRUE(
        parse_oom_kill(oom_line("oom_memcg=/,task_memcg=/crank/abc", "x").c_str(), kGroup, victim));
    EXPECT_FALSE(victim.own_limit);
}

TEST(KernelLog, OthersLinesAreLeftAlone) {
    Victim victim;
    for (const char* where : {"oom_memcg=/crank/abcd,task_memcg=/crank/abcd",
                              "oom_memcg=/crank/abc,task_memcg=/other", "global_oom"})
        EXPECT_FALSE(parse_oom_kill(oom_line(where, "x").c_str(), kGroup, victim)) << where;
    EXPECT_FALSE(parse_oom_kill("6,1,1,-;/crank/abc", kGroup, victim));
    EXPECT_FALSE(
        parse_oom_kill("6,1,1,-;oom-kill:constraint=A,task_memcg=/crank/abc", kGroup, victim));
}

TEST(KernelLog, ANameThatLooksLikeMoreOfTheLineIsAName) {
    Victim victim;
    ASSERT_TRUE(parse_oom_kill(
        oom_line("oom_memcg=/crank/abc,task_memcg=/crank/abc", "a,pid=1,uid=2").c_str(), kGroup,
        victim));
    EXPECT_EQ(victim.pid, 4711);
    EXPECT_STREQ(victim.name, "a,pid=1,uid=2");
    std::string longest(100, 'n');
    ASSERT_TRUE(parse_oom_kill(
        oom_line("oom_memcg=/crank/abc,task_memcg=/crank/abc", longest).c_str(), kGroup, victim));
    EXPECT_EQ(std::string(victim.name), longest.substr(0, sizeof victim.name - 1));
}

std::string audit_line(const std::string& name, const std::string& signal) {
    return "5,1,9,-;audit: type=1326 audit(1.1:30): auid=4294967295 uid=0 gid=0 ses=4294967295 "
           "pid=18946 comm=\"" +
           name + "\" exe=\"/tmp/x\" sig=" + signal +
           " arch=c000003e syscall=101 compat=0 ip=0x7 code=0x80000000";
}

TEST(KernelLog, NamesTheCallThatAFilterEndedAProcessFor) {
    Denied denied;
    ASSERT_TRUE(parse_denied(audit_line("x", "31").c_str(), 18946, denied));
    EXPECT_EQ(denied.call, 101);
    EXPECT_EQ(denied.architecture, 0xc000003eU);
}

TEST(KernelLog, AnotherProcessOrAnotherSignalIsNotMeant) {
    Denied denied;
    EXPECT_FALSE(parse_denied(audit_line("x", "31").c_str(), 18947, denied));
    EXPECT_FALSE(parse_denied(audit_line("x", "0").c_str(), 18946, denied));
    EXPECT_FALSE(parse_denied(audit_line("a pid=1", "31").c_str(), 1, denied));
    EXPECT_FALSE(parse_denied("5,1,9,-;audit: type=1326 pid=18946", 18946, denied));
    EXPECT_EQ(denied.call, -1);
}

}  // namespace
}  // namespace crank::shim
