#include "sys/placement.h"

#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "sys/file.h"
#include "sys/stream.h"

namespace crank::sys {
namespace {

TEST(Placement, OnExt4TheDirectoryIsMarkedAndElsewhereNothingFails) {
    auto path = make_temp_dir("/var/tmp/crank-placement-");
    ASSERT_TRUE(path);
    auto opened = open_dir(*path);
    ASSERT_TRUE(opened);
    spread_directories_in(opened->get());
    spread_directories_in(opened->get());
    ASSERT_TRUE(remove_tree(*path));
    int flags = 0;
    if (!is_ext4(opened->get())) GTEST_SKIP() << "/var/tmp is not on ext4";
    ASSERT_EQ(::ioctl(opened->get(), FS_IOC_GETFLAGS, &flags), 0);
    EXPECT_NE(flags & FS_TOPDIR_FL, 0);
}

}  // namespace
}  // namespace crank::sys
