#include "policy/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::policy {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

TEST(Policy, DefaultCapabilitiesAreDockersFourteen) {
    EXPECT_THAT(capability_names(default_capabilities()),
                UnorderedElementsAre("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER",
                                     "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
                                     "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE",
                                     "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"));
    // What /proc/PID/status shows as CapEff under Docker.
    EXPECT_EQ(default_capabilities(), 0xa80425fbU);
}

TEST(Policy, MaskedAndReadonlyPaths) {
    EXPECT_THAT(masked_paths(), Contains("/proc/kcore"));
    EXPECT_THAT(masked_paths(), Contains("/proc/interrupts"));
    EXPECT_THAT(masked_paths(), Contains("/sys/devices/virtual/powercap"));
    EXPECT_EQ(masked_paths().size(), 12U);
    EXPECT_THAT(readonly_paths(), ElementsAre("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                              "/proc/sysrq-trigger"));
}

TEST(Policy, PerCpuPathsAreExpanded) {
    EXPECT_THAT(masked_cpu_paths(2), ElementsAre("/sys/devices/system/cpu/cpu0/thermal_throttle",
                                                 "/sys/devices/system/cpu/cpu1/thermal_throttle"));
    EXPECT_TRUE(masked_cpu_paths(0).empty());
}

}  // namespace
}  // namespace crank::policy
