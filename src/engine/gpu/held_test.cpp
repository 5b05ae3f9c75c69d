#include "engine/gpu/held.h"

#include <gtest/gtest.h>

#include "engine/gpu/test_root.h"

namespace crank::engine::gpu {
namespace {

TEST(EngineGpuHeld, WhoHasANodeOfAGpuOpenHoldsIt) {
    TestRoot root;
    const Host host(root.dir(), "x86_64");
    root.write("/proc/7/fd/kept", "");
    root.link("/dev/null", "/proc/7/fd/0");
    root.link("/dev/driver", "/proc/7/fd/1");
    root.link("/srv/dev/nvidia0", "/proc/7/fd/2");
    EXPECT_FALSE(is_held_by(host, {7}));
    EXPECT_FALSE(is_held_by(host, {}));
    int number = 10;
    for (const char* node :
         {"/dev/nvidia0", "/dev/nvidia-uvm", "/dev/dri/renderD128", "/dev/kfd"}) {
        const std::string place = "/proc/7/fd/" + std::to_string(number++);
        root.link(node, place);
        EXPECT_TRUE(is_held_by(host, {6, 7})) << node;
        root.remove(place);
    }
    EXPECT_FALSE(is_held_by(host, {7}));
}

}  // namespace
}  // namespace crank::engine::gpu
