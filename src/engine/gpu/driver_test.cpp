// Drivers as they show themselves, in a root of the test's own.
#include <gmock/gmock.h>

#include "engine/gpu/drm.h"
#include "engine/gpu/nvidia.h"
#include "engine/gpu/test_root.h"

namespace crank::engine::gpu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

#define NEED_NODES(made) \
    if (!(made)) GTEST_SKIP() << "device nodes cannot be made here (CAP_MKNOD)"

std::vector<std::string> files_of(const oci::cdi::Edits& edits) {
    std::vector<std::string> files;
    for (const auto& mount : edits.mounts)
        files.push_back(mount.container_path.substr(mount.container_path.rfind('/') + 1));
    return files;
}

TEST(Nvidia, VersionsAndCards) {
    EXPECT_EQ(version_in("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  "
                         "Release Build\nGCC 12.2.0\n"),
              "570.86.15");
    EXPECT_EQ(version_in("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104  x"), "535.104");
    EXPECT_EQ(version_in("GCC version: 12.2.0"), "");
    EXPECT_EQ(version_in("NVRM version: ../../etc 1..2 .5 6."), "");
    NvidiaGpu gpu =
        gpu_in("Model: \t NVIDIA H100\nGPU UUID: \t GPU-1\nDevice Minor: \t 3\n", "0:1");
    EXPECT_EQ(gpu.model + gpu.uuid + std::to_string(gpu.minor), "NVIDIA H100GPU-13");
    EXPECT_EQ(gpu_in("GPU UUID: GPU-????????\nDevice Minor: -4\n", "x").minor, 0);
    EXPECT_EQ(capability_of("libcuda.so.1"), "compute");
    EXPECT_EQ(capability_of("libnew-part.so.1"), "");
}

TEST(Nvidia, WhatIsThereBecomesDevices) {
    TestRoot root;
    NEED_NODES(root.nvidia());
    Host host(root.dir(), "amd64");
    auto spec = nvidia_spec(host, find_nvidia(host), {});
    ASSERT_TRUE(spec) << spec.error().text();
    std::vector<std::string> names;
    for (const auto& device : spec->devices) names.push_back(device.name);
    EXPECT_THAT(names, ElementsAre("0", "GPU-aaaa", "1", "GPU-bbbb", "all"));
    // By the bus, as nvidia-smi counts: number 0 is /dev/nvidia1 here.
    EXPECT_EQ(spec->devices[0].edits.device_nodes.at(0).path, "/dev/nvidia1");
    EXPECT_EQ(spec->devices[4].edits.device_nodes.size(), 2U);
    EXPECT_THAT(files_of(spec->edits),
                ElementsAre("libcuda.so.550.54.14", "libnvidia-ml.so.550.54.14", "nvidia-smi"));
    ASSERT_EQ(spec->edits.links.size(), 3U);
    EXPECT_EQ(spec->edits.links[0].target, "libcuda.so.550.54.14");
    auto all = nvidia_spec(host, find_nvidia(host), {"all"});
    EXPECT_EQ(files_of(all->edits).size(), 5U);
    auto video = nvidia_spec(host, find_nvidia(host), {"video"});
    EXPECT_THAT(files_of(video->edits), ElementsAre("libnvidia-encode.so.550.54.14"));
}

std::string why(const TestRoot& root) {
    Host host(root.dir(), "amd64");
    auto spec = nvidia_spec(host, find_nvidia(host), {});
    EXPECT_FALSE(spec);
    if (spec) return "";
    EXPECT_FALSE(spec.error().hint().empty()) << spec.error().text();
    return spec.error().text();
}

TEST(Nvidia, WhatIsMissingIsNamed) {
    TestRoot root;
    EXPECT_THAT(why(root), HasSubstr("NVIDIA's driver is not loaded"));
    NEED_NODES(root.nvidia());
    root.remove("/dev/nvidia-uvm");
    EXPECT_THAT(why(root), HasSubstr("/dev/nvidia-uvm is missing, which CUDA needs"));
    root.node("/dev/nvidia-uvm", 511, 0);
    root.remove("/dev/nvidia1");
    EXPECT_THAT(why(root), HasSubstr("/dev/nvidia1 is missing (NVIDIA Test)"));
    root.node("/dev/nvidia1", 195, 1);
    std::string lib = TestRoot::kLib;
    root.remove(lib + "libnvidia-ml.so.550.54.14");
    EXPECT_THAT(why(root), HasSubstr("library libnvidia-ml.so.550.54.14 is missing below"));
    root.remove(lib + "libcuda.so.550.54.14");
    root.library(lib + "libcuda.so.555.42.02");
    EXPECT_THAT(why(root), HasSubstr("the loaded driver is 550.54.14, and the libraries are of "
                                     "another version (/usr/lib/x86_64-linux-gnu/libcuda.so.555"));
    root.remove("/dev/nvidiactl");
    EXPECT_THAT(why(root), HasSubstr("/dev/nvidiactl is missing"));
    root.write("/proc/driver/nvidia/capabilities/gpu0/mig/gi0/access", "x");
    EXPECT_THAT(why(root), HasSubstr("split (MIG)"));
    root.remove("/proc/driver/nvidia/gpus");
    root.remove("/dev");
    EXPECT_THAT(why(root), HasSubstr("550.54.14 is loaded and sees no GPU"));
}

TEST(Nvidia, A32BitLibraryIsNoneOfOurs) {
    TestRoot root;
    NEED_NODES(root.nvidia());
    std::string file = TestRoot::kLib + std::string("libnvidia-cfg.so.550.54.14");
    root.write(file, std::string("\x7f"
                                 "ELF\x01\x01\x01",
                                 7));
    Host host(root.dir(), "amd64");
    for (const auto& library : find_nvidia(host).libraries)
        EXPECT_NE(library.file, "libnvidia-cfg.so.550.54.14");
}

TEST(Drm, CardsByTheirVendor) {
    TestRoot root;
    root.write("/sys/class/drm/renderD128/device/vendor", "0x8086\n");
    root.write("/sys/class/drm/renderD129/device/vendor", "0x1002\n");
    root.write("/sys/class/drm/renderD129/device/drm/card1/dev", "226:1\n");
    Host host(root.dir(), "amd64");
    EXPECT_THAT(amd_spec(host).error().text(), HasSubstr("/dev/dri/renderD129 is missing"));
    NEED_NODES(root.node("/dev/dri/renderD129", 226, 129, 0660));
    root.node("/dev/dri/card1", 226, 1, 0660);
    EXPECT_THAT(amd_spec(host).error().text(), HasSubstr("/dev/kfd is missing, which ROCm needs"));
    root.node("/dev/kfd", 235, 0, 0660);
    ASSERT_EQ(chown((root.dir() + "/dev/kfd").c_str(), 0, 109), 0);
    auto amd = amd_spec(host);
    ASSERT_TRUE(amd) << amd.error().text();
    EXPECT_EQ(amd->edits.device_nodes[0].gid, 109U);
    EXPECT_THAT(amd->edits.additional_gids, ElementsAre(109U));
    EXPECT_EQ(amd->devices[0].edits.device_nodes.size(), 2U);
    root.node("/dev/dri/renderD128", 226, 128);
    auto intel = intel_spec(host);
    ASSERT_TRUE(intel);
    EXPECT_EQ(intel->devices.size(), 2U);
}

}  // namespace
}  // namespace crank::engine::gpu
