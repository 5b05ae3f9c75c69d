#include "shim/plan_check.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "shim/test_plan_memory.h"
#include "shim/wire.h"

namespace crank::shim {
namespace {

// A plan of one exec op and 64 bytes of text: "sh", "A=1" at the end, and a NUL.
struct Plan {
    static constexpr std::size_t size = sizeof(Header) / 8 * 8 + 8 + sizeof(Op) + 64;
    PlanMemory memory{size};

    Plan() {
        header() = Header{};
        header().magic = kMagic;
        header().size = static_cast<std::uint32_t>(size);
        header().ops = static_cast<std::uint32_t>(size - 64 - sizeof(Op));
        header().op_count = 1;
        std::memcpy(bytes() + size - 8, "sh\0A=1", 7);
        op() = Op{OpKind::exec};
        op().a = 1;
        op().s1 = end() - 8;
        op().b = 1;
        op().s2 = end() - 5;
    }
    char* bytes() { return memory.bytes(); }
    Header& header() { return memory.header(); }
    Op& op() { return memory.op(0); }
    static std::uint32_t end() { return static_cast<std::uint32_t>(size); }
    bool is_sound() { return plan_is_sound(bytes(), size); }
};

TEST(PlanCheck, APlanWhoseTextsLieInsideIsSound) {
    Plan plan;
    EXPECT_TRUE(plan.is_sound());
    plan.header().before_clone = 1;
    plan.header().after_exit_count = 1;
    plan.header().after_exit[0].path = plan.end() - 1;
    plan.header().monitor_cgroup_count = 2;
    plan.header().monitor_cgroups = plan.end() - 8;
    plan.header().fact_count = 1;
    plan.header().facts = plan.end() - 8;
    plan.header().cgroup = plan.end() - 1;
    EXPECT_TRUE(plan.is_sound());
}

TEST(PlanCheck, LandlocksPortsAndPathsLieInside) {
    Plan plan;
    plan.op() = Op{OpKind::landlock};
    plan.op().s1 = plan.end() - 8;
    plan.op().a = 2;
    plan.op().s2 = plan.end() - 8;
    plan.op().b = 2;
    EXPECT_TRUE(plan.is_sound());
    plan.op().a = 3;
    EXPECT_FALSE(plan.is_sound());
    plan.op().a = 1;
    plan.op().b = 9;
    EXPECT_FALSE(plan.is_sound());
    plan.op().b = 1;
    plan.op().s1 += 1;  // not aligned
    EXPECT_FALSE(plan.is_sound());
}

TEST(PlanCheck, AHeaderThatCountsWrong) {
    auto refused = [](auto change) {
        Plan plan;
        change(plan);
        return !plan.is_sound();
    };
    EXPECT_TRUE(refused([](Plan& p) { p.header().magic ^= 1; }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().size += 8; }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().role = static_cast<Role>(2); }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().ops = 8; }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().ops += 4; }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().op_count = 0; }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().op_count = 0xffffffff; }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().before_clone = 2; }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().before_clone = p.header().between = 1; }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().between = 0xffffffff; }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().slot_count = 0xffffffff; }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().after_exit_count = kMaxAfterExit + 1; }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().port_count = kMaxPorts + 1; }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().resolver.server_count = kMaxNameServers + 1; }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().state_dir = p.end(); }));
    EXPECT_TRUE(refused([](Plan& p) {
        p.header().after_exit_count = 1;
        p.header().after_exit[0].path = p.end();
    }));
    EXPECT_TRUE(refused([](Plan& p) {
        p.header().monitor_cgroup_count = 9;
        p.header().monitor_cgroups = p.end() - 8;
    }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().cgroup = p.end(); }));
    EXPECT_TRUE(refused([](Plan& p) { p.header().fact_count = kMaxFacts + 1; }));
    EXPECT_TRUE(refused([](Plan& p) {
        p.header().fact_count = 3;
        p.header().facts = p.end() - 8;
    }));
    EXPECT_TRUE(refused([](Plan& p) { p.bytes()[p.size - 1] = 'x'; }));
    Plan plan;
    EXPECT_FALSE(plan_is_sound(plan.bytes(), sizeof(Header) - 1));
    EXPECT_FALSE(plan_is_sound(plan.bytes(), 0));
}

TEST(PlanCheck, AnOpThatPointsOutside) {
    auto refused = [](auto change) {
        Plan plan;
        change(plan.op(), plan.end());
        return !plan.is_sound();
    };
    EXPECT_TRUE(refused([](Op& op, std::uint32_t end) { op.s1 = end; }));
    EXPECT_TRUE(refused([](Op& op, std::uint32_t end) { op.s3 = end; }));
    EXPECT_TRUE(refused([](Op& op, std::uint32_t) {
        op.kind = OpKind::find_program;
        op.a = 0;
    }));
    EXPECT_TRUE(refused([](Op& op, std::uint32_t) { op.a = 5; }));
    EXPECT_TRUE(refused([](Op& op, std::uint32_t) { op.b = std::uint64_t{1} << 63; }));
    EXPECT_TRUE(refused([](Op& op, std::uint32_t) { op.c = std::uint64_t{1} << 31; }));
    EXPECT_TRUE(refused([](Op& op, std::uint32_t end) {
        op = Op{OpKind::user};
        op.s1 = end - 8;
        op.c = 3;
    }));
    EXPECT_TRUE(refused([](Op& op, std::uint32_t end) {
        op = Op{OpKind::seccomp};
        op.s1 = end - 8;
        op.a = 2;
    }));
    EXPECT_TRUE(refused([](Op& op, std::uint32_t end) {
        op = Op{OpKind::seccomp};
        op.s1 = end - 8;
        op.a = (std::uint64_t{1} << 61) + 1;
    }));
    EXPECT_TRUE(refused([](Op& op, std::uint32_t end) {
        op = Op{OpKind::scheduler};
        op.s1 = end - 16;
    }));
    EXPECT_TRUE(refused([](Op& op, std::uint32_t end) {
        op = Op{OpKind::mount_fs};  // a type without a source
        op.s1 = end - 1;
    }));
    EXPECT_TRUE(refused([](Op& op, std::uint32_t end) {
        op = Op{OpKind::memory_policy};
        op.s1 = end - 8;
        op.b = 66;
    }));
    EXPECT_TRUE(refused([](Op& op, std::uint32_t end) {
        op = Op{OpKind::cpu_affinity};
        op.s1 = end - 8;
        op.a = 16;
    }));
    EXPECT_TRUE(refused([](Op& op, std::uint32_t) {
        op = Op{OpKind::memory_policy};
        op.b = ~std::uint64_t{0};
    }));
}

TEST(PlanCheck, AnOpWhoseMemoryLiesInside) {
    Plan plan;
    plan.op() = Op{OpKind::memory_policy};
    plan.op().s1 = plan.end() - 8;
    plan.op().b = 65;
    EXPECT_TRUE(plan.is_sound());
    plan.op() = Op{OpKind::exec};  // the configuration has no process
    EXPECT_TRUE(plan.is_sound());
    plan.op() = Op{OpKind::mount_fs};
    plan.op().s1 = plan.end() - 8;
    EXPECT_TRUE(plan.is_sound());
}

}  // namespace
}  // namespace crank::shim
