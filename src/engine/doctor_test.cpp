#include "engine/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::engine {
namespace {

const Check& named(const std::vector<Check>& checks, std::string_view name) {
    for (const Check& check : checks)
        if (check.name == name) return check;
    ADD_FAILURE() << "no check " << name;
    return checks.front();
}

TEST(Doctor, Kernels) {
    EXPECT_TRUE(is_kernel_at_least("6.1.0-28-amd64", 5, 12));
    EXPECT_TRUE(is_kernel_at_least("5.12", 5, 12));
    EXPECT_TRUE(is_kernel_at_least("10.0", 5, 12));
    EXPECT_FALSE(is_kernel_at_least("5.4.0-1", 5, 12));
    EXPECT_FALSE(is_kernel_at_least("5", 5, 12));
    EXPECT_FALSE(is_kernel_at_least("linux", 5, 12));
}

TEST(Doctor, EveryCheckSaysWhyAndWhatToDo) {
    runtime::HostFacts host;
    host.root = false;
    host.shim_path = "/nowhere/crank-shim";
    std::vector<Check> checks = check_host(host);
    EXPECT_EQ(named(checks, "crank-shim").health, Health::missing);
    EXPECT_EQ(named(checks, "cgroups").health, Health::warning);
    host.cgroup_mode = runtime::CgroupMode::v1;
    host.cgroup_mounts = {{"memory", "/m"}, {"pids", "/p"}};
    for (const Check& check : check_host(host)) {
        EXPECT_FALSE(check.found.empty()) << check.name;
        EXPECT_FALSE(check.why.empty()) << check.name;
        EXPECT_EQ(check.remedy.empty(), check.health == Health::ok) << check.name;
        checks.push_back(check);
    }
    std::vector<Check> v1 = check_host(host);
    EXPECT_EQ(named(v1, "cgroup memory").health, Health::ok);
    EXPECT_EQ(named(v1, "cgroup cpu").health, Health::warning);
    EXPECT_EQ(named(v1, "cgroup cpu").remedy, "mount -t cgroup -o cpu cgroup /sys/fs/cgroup/cpu");
}

}  // namespace
}  // namespace crank::engine
