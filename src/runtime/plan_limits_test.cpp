// config.json's limits in the words of both versions of cgroups.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "runtime/builder.h"
#include "runtime/plan.h"

namespace crank::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

HostFacts host(CgroupMode mode) {
    HostFacts facts;
    facts.cgroup_mode = mode;
    if (mode == CgroupMode::v1)
        facts.cgroup_mounts = {{"cpu", "/cg/cpu"},     {"memory", "/cg/memory"},
                               {"pids", "/cg/pids"},   {"cpuset", "/cg/cpuset"},
                               {"blkio", "/cg/blkio"}, {"devices", "/cg/devices"},
                               {"net_cls", "/cg/net"}, {"net_prio", "/cg/net"}};
    if (mode == CgroupMode::v2) facts.cgroup_mounts = {{"", "/cg"}};
    return facts;
}

std::vector<std::string> lines_of(const oci::Resources& resources, CgroupMode mode) {
    Plan plan;
    Builder builder(plan);
    auto made = plan_limits(builder, resources, host(mode));
    if (!made) return {made.error().text()};
    std::vector<std::string> lines;
    for (const auto& write : plan.cgroup_writes) {
        std::string line = write.file + " " + write.value;
        if (!write.otherwise_file.empty())
            line += " or " + write.otherwise_file + " " + write.otherwise_value;
        lines.push_back(line);
    }
    return lines;
}

std::vector<std::string> v1(const oci::Resources& r) { return lines_of(r, CgroupMode::v1); }
std::vector<std::string> v2(const oci::Resources& r) { return lines_of(r, CgroupMode::v2); }

TEST(PlanLimits, Memory) {
    oci::Resources r;
    r.memory_limit = 1000;
    r.memory_swap = 3000;
    r.memory_reservation = 500;
    EXPECT_THAT(v1(r), ElementsAre("memory.limit_in_bytes 1000", "memory.memsw.limit_in_bytes 3000",
                                   "memory.soft_limit_in_bytes 500"));
    // v2 counts swap alone.
    EXPECT_THAT(v2(r), ElementsAre("memory.max 1000", "memory.swap.max 2000", "memory.low 500"));
    r = {};
    r.memory_limit = -1;
    EXPECT_THAT(v1(r), ElementsAre("memory.limit_in_bytes -1"));
    EXPECT_THAT(v2(r), ElementsAre("memory.max max", "memory.swap.max max"));
    r.memory_swap = 3000;
    EXPECT_THAT(v2(r), ElementsAre(HasSubstr("memory and swap together: it needs a limit")));
    r.memory_limit = 4000;
    EXPECT_THAT(v2(r), ElementsAre(HasSubstr("memory and swap together, is below the limit")));
    r = {};
    r.memory_swappiness = 10;
    r.disable_oom_killer = true;
    EXPECT_THAT(v1(r), ElementsAre("memory.swappiness 10", "memory.oom_control 1"));
    EXPECT_THAT(v2(r), ElementsAre(HasSubstr("memory.disableOOMKiller: cgroup v2 has no such")));
    r.disable_oom_killer = false;
    EXPECT_THAT(v2(r), ElementsAre(HasSubstr("memory.swappiness: cgroup v2 has no such limit")));
}

TEST(PlanLimits, Processors) {
    oci::Resources r;
    r.cpu_quota = 5000;
    r.cpu_burst = 100;
    r.cpuset_cpus = "0-1";
    r.cpuset_mems = "0";
    EXPECT_THAT(v1(r), ElementsAre("cpu.cfs_quota_us 5000", "cpu.cfs_burst_us 100",
                                   "cpuset.cpus 0-1", "cpuset.mems 0"));
    EXPECT_THAT(v2(r), ElementsAre("cpu.max 5000", "cpu.max.burst 100", "cpuset.cpus 0-1",
                                   "cpuset.mems 0"));
    r = {};
    r.cpu_rt_period = 1000;
    r.cpu_rt_runtime = 100;
    EXPECT_THAT(v1(r), ElementsAre("cpu.rt_period_us 1000", "cpu.rt_runtime_us 100"));
    EXPECT_THAT(v2(r), ElementsAre(HasSubstr("cpu.realtimeRuntime")));
}

TEST(PlanLimits, SharesBecomeWeightsThatMeetAtBothEndsAndTheDefault) {
    auto weight = [](std::uint64_t shares) {
        oci::Resources r;
        r.cpu_shares = shares;
        return v2(r).front();
    };
    EXPECT_EQ(weight(1), "cpu.weight 1");
    EXPECT_EQ(weight(2), "cpu.weight 1");
    EXPECT_EQ(weight(1024), "cpu.weight 100");
    EXPECT_EQ(weight(262144), "cpu.weight 10000");
    EXPECT_EQ(weight(1'000'000), "cpu.weight 10000");
    // more is never less
    int last = 0;
    for (std::uint64_t shares = 2; shares <= 262144; shares += 97) {
        int now = std::stoi(weight(shares).substr(11));
        EXPECT_GE(now, last) << shares;
        last = now;
    }
}

TEST(PlanLimits, BlockDevices) {
    oci::Resources r;
    r.block_io.weight = 1000;
    r.block_io.weight_devices = {{8, 0, 10}};
    r.block_io.read_bytes = {{8, 0, 1000}};
    r.block_io.write_operations = {{8, 16, 0}};
    EXPECT_THAT(v1(r), ElementsAre("blkio.weight 1000 or blkio.bfq.weight 1000",
                                   "blkio.weight_device 8:0 10 or blkio.bfq.weight_device 8:0 10",
                                   "blkio.throttle.read_bps_device 8:0 1000",
                                   "blkio.throttle.write_iops_device 8:16 0"));
    EXPECT_THAT(v2(r), ElementsAre("io.bfq.weight 1000 or io.weight 10000",
                                   "io.bfq.weight 8:0 10 or io.weight 8:0 1",
                                   "io.max 8:0 rbps=1000", "io.max 8:16 wiops=max"));
}

TEST(PlanLimits, TheOthers) {
    oci::Resources r;
    r.hugepages = {{"2MB", 4096}};
    r.rdma = {{"mlx5_1", {3, std::nullopt}}};
    EXPECT_THAT(
        v1(r), ElementsAre("hugetlb.2MB.limit_in_bytes 4096",
                           "hugetlb.2MB.rsvd.limit_in_bytes 4096", "rdma.max mlx5_1 hca_handle=3"));
    EXPECT_THAT(v2(r), ElementsAre("hugetlb.2MB.max 4096", "hugetlb.2MB.rsvd.max 4096",
                                   "rdma.max mlx5_1 hca_handle=3"));
    r = {};
    r.network_class = 7;
    r.network_priorities = {{"eth0", 5}};
    EXPECT_THAT(v1(r), ElementsAre("net_cls.classid 7", "net_prio.ifpriomap eth0 5"));
    EXPECT_THAT(v2(r), ElementsAre(HasSubstr("network.classID")));
    r = {};
    r.unified = {{"io.max", "8:0 rbps=1\n8:16 rbps=2"}, {"memory.high", "5"}};
    EXPECT_THAT(v2(r), ElementsAre("io.max 8:0 rbps=1", "io.max 8:16 rbps=2", "memory.high 5"));
    EXPECT_THAT(v1(r), ElementsAre(HasSubstr("linux.resources.unified: invalid configuration: "
                                             "'io.max': this host has the controller in")));
    EXPECT_THAT(lines_of(r, CgroupMode::none), IsEmpty());
}

TEST(PlanLimits, WhatV1LacksIsLookedForInTheV2HierarchyBesideIt) {
    HostFacts facts = host(CgroupMode::v1);
    facts.unified_mount = "/cg/unified";
    facts.v2_controllers = {"hugetlb", "memory"};
    oci::RuntimeSpec spec;
    spec.process.args = {"true"};
    spec.linux.cgroups_path = "/crank/abc";
    spec.linux.resources.hugepages = {{"2MB", 4096}};
    auto made = plan(spec, {}, Options{}, facts, {});
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(made->cgroup_dirs.back(), "/cg/unified/crank/abc");
    EXPECT_EQ(made->cgroup_writes.front().controller, "unified");
    EXPECT_EQ(made->cgroup_writes.front().file, "hugetlb.2MB.max");
    EXPECT_EQ(entry_of(facts, made->cgroup_dirs.back()), "/cg/unified/crank/abc/cgroup.procs");
    EXPECT_EQ(entry_of(facts, made->cgroup_dirs.front()), "/cg/cpu/crank/abc/tasks");
    spec.linux.resources.unified = {{"hugetlb.2MB.max", "1"}};
    EXPECT_TRUE(plan(spec, {}, Options{}, facts, {}));
    // v1 has this one: its file is another.
    spec.linux.resources.unified = {{"memory.high", "1"}};
    EXPECT_FALSE(plan(spec, {}, Options{}, facts, {}));
}

TEST(PlanLimits, GroupsOfV1ThatLimitNothingAreNotMade) {
    oci::RuntimeSpec spec;
    spec.process.args = {"true"};
    spec.linux.cgroups_path = "/crank/abc";
    spec.linux.namespaces = {};
    auto dirs = [&] {
        auto made = plan(spec, {}, Options{}, host(CgroupMode::v1), {});
        EXPECT_TRUE(made);
        return made ? made->cgroup_dirs : std::vector<std::string>();
    };
    EXPECT_THAT(dirs(), ElementsAre("/cg/cpu/crank/abc", "/cg/memory/crank/abc",
                                    "/cg/pids/crank/abc", "/cg/devices/crank/abc"));
    spec.linux.resources.cpuset_cpus = "0";
    spec.linux.resources.network_class = 1;
    spec.linux.resources.network_priorities = {{"eth0", 5}};
    EXPECT_THAT(dirs(),
                ElementsAre("/cg/cpu/crank/abc", "/cg/memory/crank/abc", "/cg/pids/crank/abc",
                            "/cg/devices/crank/abc", "/cg/cpuset/crank/abc", "/cg/net/crank/abc"));
}

TEST(PlanLimits, AJoinerGoesBelowOnlyWhereItIsMeant) {
    JoinFacts join;
    join.cgroups_path = "/crank/abc";
    join.limit_dirs = {"/cg/cpuset/crank/abc"};
    EXPECT_THAT(v1_dirs_to_join(host(CgroupMode::v1), join),
                ElementsAre("/cg/cpu/crank/abc", "/cg/memory/crank/abc", "/cg/pids/crank/abc",
                            "/cg/devices/crank/abc", "/cg/cpuset/crank/abc"));
    join.sub_cgroup = "a/b";
    join.sub_controllers = {"pids"};
    EXPECT_THAT(v1_dirs_to_join(host(CgroupMode::v1), join),
                ElementsAre("/cg/cpu/crank/abc", "/cg/memory/crank/abc", "/cg/pids/crank/abc/a/b",
                            "/cg/devices/crank/abc", "/cg/cpuset/crank/abc"));
    join.sub_controllers = {};
    EXPECT_THAT(v1_dirs_to_join(host(CgroupMode::v1), join),
                ::testing::Each(::testing::EndsWith("/abc/a/b")));
}

}  // namespace
}  // namespace crank::runtime
