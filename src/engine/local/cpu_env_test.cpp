#include "engine/local/cpu_env.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::engine::local {
namespace {

using testing::ElementsAre;

TEST(CpuVariables, AreRoundedUpAndAtLeastOne) {
    EXPECT_THAT(cpu_variables(2'000'000'000),
                ElementsAre("OMP_NUM_THREADS=2", "GOMAXPROCS=2", "PYTHON_CPU_COUNT=2",
                            "RAYON_NUM_THREADS=2"));
    EXPECT_EQ(cpu_variables(1'500'000'000)[0], "OMP_NUM_THREADS=2");
    EXPECT_EQ(cpu_variables(2'000'000'001)[0], "OMP_NUM_THREADS=3");
    EXPECT_EQ(cpu_variables(10'000'000)[0], "OMP_NUM_THREADS=1");
}

}  // namespace
}  // namespace crank::engine::local
