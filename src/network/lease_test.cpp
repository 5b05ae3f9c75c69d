#include "network/lease.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "network/test_world.h"

namespace crank::network {
namespace {

class LeaseTest : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(prepare_leases(scratch_.path())); }

    std::string take(const std::string& id) {
        auto lease = take_lease(scratch_.path(), subnet_, id);
        return lease ? lease->address.text() : lease.error().text();
    }

    Scratch scratch_;
    sys::Ipv4Prefix subnet_ = *sys::parse_ipv4_prefix("10.88.0.0/29");
};

TEST_F(LeaseTest, EachAddressIsGivenOnce) {
    std::set<std::string> seen;
    for (int i = 0; i < 5; ++i) seen.insert(take("c" + std::to_string(i)));
    EXPECT_EQ(seen, (std::set<std::string>{"10.88.0.2", "10.88.0.3", "10.88.0.4", "10.88.0.5",
                                           "10.88.0.6"}));
}

TEST_F(LeaseTest, WhenAllAreTakenTheErrorSaysWhatToDo) {
    for (int i = 0; i < 5; ++i) take("c" + std::to_string(i));
    auto lease = take_lease(scratch_.path(), subnet_, "one-too-many");
    ASSERT_FALSE(lease);
    EXPECT_EQ(lease.error().code(), Code::exhausted);
    EXPECT_EQ(lease.error().text(), "no address is free in 10.88.0.0/29");
    EXPECT_NE(lease.error().hint().find("crank rm"), std::string::npos);
}

TEST_F(LeaseTest, AnAddressGivenBackRests) {
    auto first = take_lease(scratch_.path(), subnet_, "a");
    ASSERT_TRUE(first);
    ASSERT_TRUE(drop_lease(first->path, "a"));
    EXPECT_EQ(take("b"), "10.88.0.3");
    for (const char* id : {"c", "d", "e"}) take(id);
    EXPECT_EQ(take("f"), "10.88.0.2");
}

TEST_F(LeaseTest, OnlyItsOwnerGivesALeaseBack) {
    auto lease = take_lease(scratch_.path(), subnet_, "a");
    ASSERT_TRUE(lease);
    EXPECT_TRUE(drop_lease(lease->path, "b"));
    EXPECT_EQ(*count_leases(scratch_.path()), 1u);
    EXPECT_TRUE(drop_lease(lease->path, "a"));
    EXPECT_TRUE(drop_lease(lease->path, "a"));
    EXPECT_EQ(*count_leases(scratch_.path()), 0u);
}

TEST_F(LeaseTest, ABrokenHintIsNoMoreThanAHint) {
    for (const char* hint : {"", "x\n", "-1\n", "99999999999999\n", "7\n"}) {
        ASSERT_TRUE(sys::write_file_atomic(scratch_.path() + "/next", hint, 0600, sys::Sync::no));
        auto lease = take_lease(scratch_.path(), subnet_, "a");
        ASSERT_TRUE(lease) << hint;
        EXPECT_EQ(lease->address.text(), "10.88.0.2") << hint;
        ASSERT_TRUE(drop_lease(lease->path, "a"));
    }
}

TEST_F(LeaseTest, TheDeadAreSwept) {
    take("alive");
    take("dead");
    take("dead-too");
    auto dropped =
        drop_dead_leases(scratch_.path(), [](const std::string& id) { return id == "alive"; });
    EXPECT_EQ(*dropped, 2u);
    EXPECT_EQ(*sys::read_link(scratch_.path() + "/leases/10.88.0.2"), "alive");
    EXPECT_EQ(*count_leases(scratch_.path()), 1u);
}

TEST_F(LeaseTest, WithoutADirectoryThereAreNone) {
    EXPECT_EQ(*count_leases(scratch_.path() + "/none"), 0u);
    EXPECT_EQ(*drop_dead_leases(scratch_.path() + "/none", [](const auto&) { return false; }), 0u);
}

TEST_F(LeaseTest, TheAddressThatIsAskedFor) {
    auto lease = take_wanted_lease(scratch_.path(), subnet_, "a", "10.88.0.3");
    ASSERT_TRUE(lease) << lease.error().text();
    EXPECT_EQ(lease->address.text(), "10.88.0.3");
    EXPECT_EQ(take_wanted_lease(scratch_.path(), subnet_, "b", "10.88.0.3").error().code(),
              Code::already_exists);
    for (const char* bad : {"192.0.2.1", "x", "10.88.0.0", "10.88.0.1", "10.88.0.7"})
        EXPECT_EQ(take_wanted_lease(scratch_.path(), subnet_, "b", bad).error().code(),
                  Code::invalid_argument)
            << bad;
}

}  // namespace
}  // namespace crank::network
