#include "sys/page_cache.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "sys/file.h"

namespace crank::sys {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kPage = 4096;

// A file that is on the disk, and of which nothing is in memory.
class PageCache : public testing::Test {
protected:
    void SetUp() override {
        path_ = testing::TempDir() + "/page-cache-" + std::to_string(::getpid());
        ASSERT_TRUE(write_file_atomic(path_, std::string(kSize, 'x'), 0600, Sync::yes));
        fd_ = open(path_, O_RDONLY | O_CLOEXEC).value();
        if (!forget()) GTEST_SKIP() << "the kernel keeps files of " << path_ << " in memory";
    }
    void TearDown() override { (void)remove_file(path_); }
    bool forget() const {
        ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED);
        return cached_parts(fd_.get()).value().empty();
    }
    static constexpr std::int64_t kSize = 100 * kPage + 7;
    std::string path_;
    UniqueFd fd_;
};

TEST_F(PageCache, WhatWasReadIsThere) {
    EXPECT_THAT(cached_parts(fd_.get()).value(), IsEmpty());
    // without the pages that the kernel would read beyond
    ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_RANDOM);
    char byte = 0;
    ASSERT_EQ(::pread(fd_.get(), &byte, 1, 2 * kPage), 1);
    ASSERT_EQ(::pread(fd_.get(), &byte, 1, kSize - 1), 1);
    EXPECT_THAT(cached_parts(fd_.get()).value(),
                ElementsAre(FilePart{2 * kPage, kPage}, FilePart{100 * kPage, 7}));
}

TEST_F(PageCache, WhatIsReadAheadIsThereSoon) {
    ASSERT_TRUE(read_ahead(fd_.get(), {.offset = 0, .length = kSize}));
    auto all = [&] { return cached_parts(fd_.get()).value(); };
    for (int i = 0; i < 1000 && all() != std::vector{FilePart{0, kSize}}; i++)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_THAT(all(), ElementsAre(FilePart{0, kSize}));
}

TEST_F(PageCache, AnEmptyFileHasNothing) {
    ASSERT_TRUE(write_file_atomic(path_, "", 0600, Sync::no));
    UniqueFd empty = open(path_, O_RDONLY | O_CLOEXEC).value();
    EXPECT_THAT(cached_parts(empty.get()).value(), IsEmpty());
}

}  // namespace
}  // namespace crank::sys
