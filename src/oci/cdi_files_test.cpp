// Whole files in the shape that vendors' generators give them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "oci/cdi.h"

namespace crank::oci::cdi {
namespace {

using testing::ElementsAre;

Spec read(const std::string& name) {
    std::string path = std::string(CRANK_SOURCE_DIR) + "/src/oci/testdata/cdi/" + name;
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    auto spec = parse(text.str(), path);
    EXPECT_TRUE(spec.has_value()) << (spec ? "" : spec.error().text());
    return spec ? std::move(*spec) : Spec{};
}

TEST(CdiFiles, Nvidia) {
    Registry registry;
    registry.add(read("nvidia.yaml"));
    EXPECT_THAT(registry.devices_of("nvidia.com/gpu"),
                ElementsAre("0", "GPU-5a8b7c1e-3f60-4d29-9b0e-27d1f3c4a601", "1",
                            "GPU-c07d94f2-11ab-4c3e-8f55-90a6be2d7702", "all"));
    auto edits = registry.edits_of({{"nvidia.com/gpu", "1"}});
    ASSERT_TRUE(edits);
    take_known_hooks(*edits);
    EXPECT_TRUE(edits->hooks.empty());
    EXPECT_THAT(edits->library_dirs, ElementsAre("/usr/lib/x86_64-linux-gnu"));
    EXPECT_THAT(edits->env, ElementsAre("NVIDIA_VISIBLE_DEVICES=void"));
    RuntimeSpec spec;
    ASSERT_TRUE(apply(*edits, spec));
    EXPECT_EQ(spec.mounts.size(), 5U);
    EXPECT_EQ(spec.linux.devices.size(), 6U);
    EXPECT_EQ(spec.linux.links.size(), 1U);
}

TEST(CdiFiles, Amd) {
    Registry registry;
    registry.add(read("amd.json"));
    auto edits = registry.edits_of({{"amd.com/gpu", "all"}});
    ASSERT_TRUE(edits);
    ASSERT_EQ(edits->device_nodes.size(), 5U);
    EXPECT_EQ(edits->device_nodes[0].path, "/dev/kfd");
    EXPECT_THAT(edits->additional_gids, ElementsAre(109U));
}

}  // namespace
}  // namespace crank::oci::cdi
