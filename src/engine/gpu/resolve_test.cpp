// From --gpus and --device to edits, in a root of the test's own.
#include "engine/gpu/resolve.h"

#include <gmock/gmock.h>

#include "engine/gpu/test_root.h"

namespace crank::engine::gpu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

#define NEED_NODES(made) \
    if (!(made)) GTEST_SKIP() << "device nodes cannot be made here (CAP_MKNOD)"

struct World {
    TestRoot root;
    Places places() const {
        return {{root.dir() + "/etc/cdi", root.dir() + "/run/cdi"}, Host(root.dir(), "amd64")};
    }
    Resolved good(const Wanted& wanted) const {
        auto resolved = resolve(wanted, places());
        EXPECT_TRUE(resolved) << (resolved ? "" : resolved.error().text());
        return resolved ? std::move(*resolved) : Resolved{};
    }
    std::string why(const Wanted& wanted) const {
        auto resolved = resolve(wanted, places());
        EXPECT_FALSE(resolved);
        if (resolved) return "";
        EXPECT_FALSE(resolved.error().hint().empty()) << resolved.error().text();
        return resolved.error().text();
    }
    void cdi(const std::string& name, const std::string& device, const std::string& edits) const {
        root.write(name, "cdiVersion: 0.8.0\nkind: nvidia.com/gpu\ndevices: [{name: '" + device +
                             "', containerEdits: {" + edits + "}}]\n");
    }
};

TEST(Resolve, TheLiveDriver) {
    World world;
    NEED_NODES(world.root.nvidia());
    Resolved all = world.good({"all", {}});
    EXPECT_THAT(all.names, ElementsAre("nvidia.com/gpu=all"));
    EXPECT_EQ(all.edits.device_nodes.size(), 4U);
    std::vector<std::string> names;
    for (const auto& entry : all.libraries) names.push_back(entry.name);
    EXPECT_THAT(names, ElementsAre("libcuda.so.550.54.14", "libcuda.so", "libcuda.so.1",
                                   "libnvidia-ml.so.550.54.14", "libnvidia-ml.so.1"));
    EXPECT_EQ(all.libraries[0].path, "/usr/lib/crank-gpu/libcuda.so.550.54.14");
    EXPECT_THAT(world.good({"1", {}}).names, ElementsAre("nvidia.com/gpu=0"));
    EXPECT_THAT(world.good({"\"device=1,GPU-aaaa\"", {}}).names,
                ElementsAre("nvidia.com/gpu=1", "nvidia.com/gpu=GPU-aaaa"));
    EXPECT_THAT(world.good({"", {"nvidia.com/gpu=1"}}).names, ElementsAre("nvidia.com/gpu=1"));
    EXPECT_THAT(world.why({"3", {}}), HasSubstr("--gpus 3: this host has 2 GPUs"));
    EXPECT_THAT(world.why({"device=7", {}}),
                HasSubstr("no device nvidia.com/gpu=7: nvidia.com/gpu has 0, GPU-aaaa, 1"));
}

TEST(Resolve, WhatARequestMayBeMetFrom) {
    World world;
    NEED_NODES(world.root.nvidia());
    auto choices = [&](const Wanted& wanted) { return choices_of(wanted, world.places()).value(); };
    EXPECT_THAT(choices({"", {"/dev/fuse"}}), IsEmpty());
    auto one = choices({"1", {}});
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(one[0].count, 1U);
    ASSERT_EQ(one[0].from.size(), 2U);
    EXPECT_EQ(one[0].from[1].name, "nvidia.com/gpu=1");
    // by whatever name
    auto named = choices({"\"device=GPU-aaaa\"", {"nvidia.com/gpu=0"}});
    ASSERT_EQ(named.size(), 2U);
    EXPECT_EQ(named[0].from.at(0).nodes, named[1].from.at(0).nodes);
    EXPECT_EQ(choices({"all", {}}).at(0).from.at(0).nodes.size(), 2U);
    EXPECT_FALSE(choices_of({"3", {}}, world.places()));
    EXPECT_EQ(request_for({"nvidia.com/gpu=0", "nvidia.com/gpu=1"}),
              "\"device=0,1\",driver=nvidia");
    EXPECT_THAT(world.good({request_for({"nvidia.com/gpu=1"}), {}}).names,
                ElementsAre("nvidia.com/gpu=1"));
}

TEST(Resolve, AllOfACdiFileWithoutNodesIsEachOfThem) {
    World world;
    world.root.write("/etc/cdi/gpu.yaml",
                     "cdiVersion: 0.8.0\nkind: nvidia.com/gpu\ndevices:\n"
                     "  - {name: '0', containerEdits: {env: [A=1]}}\n"
                     "  - {name: all, containerEdits: {env: [A=2]}}\n");
    auto all = choices_of({"all", {}}, world.places()).value();
    EXPECT_THAT(all.at(0).from.at(0).nodes, ElementsAre("nvidia.com/gpu=0"));
}

TEST(Resolve, ADriverThatIsChangedIsFoundAsItIsNow) {
    World world;
    NEED_NODES(world.root.nvidia());
    world.good({"all", {}});
    world.root.remove("/usr/lib");
    world.root.remove("/dev");
    NEED_NODES(world.root.nvidia("570.86.15"));
    EXPECT_EQ(world.good({"all", {}}).libraries[0].name, "libcuda.so.570.86.15");
}

TEST(Resolve, ACdiFileComesBeforeTheDriver) {
    World world;
    NEED_NODES(world.root.nvidia());
    world.cdi("/etc/cdi/nvidia.yaml", "0", "env: [FROM=etc]");
    EXPECT_THAT(world.good({"all", {}}).edits.env, ElementsAre("FROM=etc"));
    world.cdi("/run/cdi/nvidia.yaml", "0", "env: [FROM=run]");
    EXPECT_THAT(world.good({"1", {}}).edits.env, ElementsAre("FROM=run"));
    // A file that cannot be read matters to whoever asks for what is not found.
    world.cdi("/run/cdi/again.json", "0", "env: [FROM=other]");
    EXPECT_THAT(world.good({"1", {}}).edits.env, ElementsAre("FROM=run"));
    EXPECT_THAT(world.why({"device=1", {}}),
                HasSubstr("again.json: the document is not valid JSON"));
    world.cdi("/run/cdi/again.yaml", "0", "env: [FROM=other]");
    EXPECT_THAT(world.why({"1", {}}), HasSubstr("nvidia.com/gpu=0 is defined twice"));
}

TEST(Resolve, AStaleFileIsTold) {
    World world;
    world.cdi("/etc/cdi/nvidia.yaml", "0",
              "mounts: [{hostPath: /gone/libcuda.so.1, containerPath: /usr/lib/libcuda.so.1}]");
    EXPECT_THAT(world.why({"all", {}}),
                HasSubstr("/etc/cdi/nvidia.yaml: mounts: /gone/libcuda.so.1 does not exist"));
    world.cdi("/etc/cdi/nvidia.yaml", "0", "deviceNodes: [{path: /dev/crank-nothing}]");
    EXPECT_THAT(world.why({"all", {}}),
                HasSubstr("deviceNodes: /dev/crank-nothing does not exist"));
}

TEST(Resolve, NoGpu) {
    World world;
    EXPECT_THAT(
        world.why({"all", {}}),
        HasSubstr("--gpus all: this host has no GPU that crank can pass on: NVIDIA's driver "
                  "is not loaded"));
    EXPECT_THAT(world.why({"all,driver=amd", {}}), HasSubstr("no GPU of AMD's"));
    world.root.write("/etc/cdi/x.yaml", "kind: 1\n");
    EXPECT_THAT(world.why({"all", {}}), HasSubstr("/etc/cdi/x.yaml: 'cdiVersion' is missing"));
    EXPECT_THAT(world.why({"", {"vendor.com/x=y"}}), HasSubstr("no device vendor.com/x=y"));
    EXPECT_TRUE(resolve({}, world.places())->names.empty());
}

TEST(Resolve, Paths) {
    World world;
    NEED_NODES(world.root.node("/dev/one", 1, 5));
    world.root.node("/dev/group/two", 1, 3);
    std::string dev = world.root.dir() + "/dev";
    Resolved one = world.good({"", {dev + "/one:/dev/zero2:r"}});
    ASSERT_EQ(one.edits.device_nodes.size(), 1U);
    EXPECT_EQ(one.edits.device_nodes[0].path, "/dev/zero2");
    EXPECT_EQ(one.edits.device_nodes[0].permissions, "r");
    EXPECT_EQ(world.good({"", {dev + "/group:/dev/g"}}).edits.device_nodes.at(0).path,
              "/dev/g/two");
    EXPECT_THAT(world.why({"", {"/dev/crank-nothing"}}), HasSubstr("does not exist on this host"));
    EXPECT_THAT(world.why({"", {"/etc/passwd"}}), HasSubstr("/etc/passwd is no device node"));
}

TEST(Resolve, HooksHaveNothingOfTheCallers) {
    World world;
    world.cdi("/etc/cdi/a.yaml", "0", "hooks: [{hookName: createRuntime, path: /bin/true}]");
    Resolved resolved = world.good({"all", {}});
    ASSERT_EQ(resolved.edits.hooks.size(), 1U);
    ASSERT_EQ(resolved.edits.hooks[0].hook.env.size(), 1U);
    EXPECT_THAT(resolved.edits.hooks[0].hook.env[0], HasSubstr("PATH=/usr/local/sbin"));
    EXPECT_THAT(resolved.libraries, IsEmpty());
}

}  // namespace
}  // namespace crank::engine::gpu
