#include "engine/volume_options.h"

#include <gtest/gtest.h>

namespace crank::engine::volumes {
namespace {

std::string error_of(const std::vector<std::string>& options) {
    auto device = device_in(options);
    return device ? "" : device.error().text();
}

TEST(VolumeOptions, ADirectoryOfThisMachine) {
    EXPECT_EQ(device_in({}).value(), "");
    EXPECT_EQ(device_in({"type=none", "o=bind", "device=/srv//models/"}).value(), "/srv/models");
    EXPECT_EQ(device_in({"type=bind", "device=/srv"}).value(), "/srv");
    EXPECT_EQ(device_in({"o=rbind,rw", "device=/srv"}).value(), "/srv");
}

TEST(VolumeOptions, WhatIsWrongIsNamed) {
    EXPECT_EQ(error_of({"type"}), "--opt type: KEY=VALUE is wanted");
    EXPECT_EQ(error_of({"size=2m"}), "--opt size=2m: crank has no such option");
    EXPECT_EQ(error_of({"type=none", "device=/srv"}), "--opt type=none: o=bind is missing");
    EXPECT_EQ(error_of({"type=none", "o=bind"}), "--opt o=bind: device=DIRECTORY is missing");
    EXPECT_EQ(error_of({"type=bind", "device=srv"}),
              "--opt device=srv: an absolute path is wanted");
    EXPECT_EQ(error_of({"type=bind", "o=ro", "device=/srv"}),
              "--opt o=ro: bind, rbind and rw alone");
}

TEST(VolumeOptions, WhatWouldHaveToBeMountedIsRefused) {
    EXPECT_EQ(error_of({"type=tmpfs", "device=tmpfs", "o=size=2m"}),
              "--opt type=tmpfs: nobody holds memory that outlives its container");
    EXPECT_EQ(device_in({"type=nfs", "device=:/x"}).error().code(), Code::unsupported);
}

}  // namespace
}  // namespace crank::engine::volumes
