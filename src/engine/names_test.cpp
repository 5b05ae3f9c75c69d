#include "engine/names.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <thread>

#include "engine/lifecycle.h"
#include "engine/options.h"

namespace crank::engine {
namespace {

namespace fs = std::filesystem;

class Names : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = fs::temp_directory_path() / "crank-names.XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        base_ = pattern;
        paths_.root = base_ / "root";
        paths_.state = base_ / "state";
    }
    void TearDown() override { fs::remove_all(base_); }
    // As the container of a command that has finished starting it.
    std::string keep(const std::string& name) {
        auto reservation = Reservation::make(paths_, name);
        EXPECT_TRUE(reservation) << reservation.error().text();
        std::ofstream(paths_.container(reservation->id()) + "/container.json") << "{}";
        std::ofstream(paths_.monitor(reservation->id()) + "/exit") << "0 0 0 1\n";
        reservation->keep();
        return reservation->id();
    }

    fs::path base_;
    Paths paths_;
};

TEST_F(Names, AreMadeUpAndValid) {
    std::set<std::string> seen;
    for (int i = 0; i < 50; ++i) {
        std::string name = random_name().value();
        EXPECT_TRUE(check_name(name)) << name;
        seen.insert(name);
    }
    EXPECT_GT(seen.size(), 40u);
    EXPECT_TRUE(is_id(random_id().value()));
}

TEST_F(Names, AReservationGoesUnlessKept) {
    std::string id;
    {
        auto reservation = Reservation::make(paths_, "mail");
        ASSERT_TRUE(reservation) << reservation.error().text();
        id = reservation->id();
        EXPECT_TRUE(fs::exists(paths_.container(id)));
        EXPECT_TRUE(is_being_started(paths_, id));
        EXPECT_EQ(resolve(paths_, "mail").value(), id);
    }
    EXPECT_FALSE(fs::exists(paths_.container(id)));
    EXPECT_FALSE(fs::exists(paths_.monitor(id)));
    EXPECT_FALSE(resolve(paths_, "mail"));
}

TEST_F(Names, ANameInUseNamesItsHolder) {
    std::string id = keep("mail");
    auto second = Reservation::make(paths_, "mail");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Code::already_exists);
    EXPECT_EQ(second.error().text(),
              "the name \"mail\" is in use by container " + id.substr(0, 12));
    EXPECT_EQ(fs::directory_iterator(paths_.containers())->path().filename(), id);
}

TEST_F(Names, TheNameOfACommandThatIsStartingIsInUseToo) {
    auto first = Reservation::make(paths_, "mail");
    ASSERT_TRUE(first);
    EXPECT_FALSE(Reservation::make(paths_, "mail"));
}

TEST_F(Names, WhatAKilledRemovalLeftIsFree) {
    std::string id = keep("mail");
    fs::remove_all(paths_.container(id));
    fs::remove_all(paths_.monitor(id));
    EXPECT_TRUE(Reservation::make(paths_, "mail"));
}

// A directory that has just been made looks like what a start that was killed has left.
TEST_F(Names, WhoSweepsLeavesWhatIsJustBeingMade) {
    keep("first");
    std::atomic<bool> over = false;
    auto sweep = [&] {
        while (!over) (void)list(paths_);
    };
    std::thread one(sweep), other(sweep);
    for (int i = 0; i < 600 && !HasFailure(); ++i) {
        auto reservation = Reservation::make(paths_, "mail");
        EXPECT_TRUE(reservation) << reservation.error().text();
        if (!reservation) break;
        std::this_thread::yield();
        EXPECT_TRUE(fs::exists(paths_.container(reservation->id()))) << i;
        EXPECT_TRUE(fs::exists(paths_.monitor(reservation->id()))) << i;
    }
    over = true;
    one.join();
    other.join();
}

TEST_F(Names, IdsAndPrefixesAreFound) {
    std::string id = keep("one"), other = keep("two");
    EXPECT_EQ(resolve(paths_, id).value(), id);
    std::size_t length = 1;
    while (id.substr(0, length) == other.substr(0, length)) ++length;
    EXPECT_EQ(resolve(paths_, id.substr(0, length)).value(), id);
    if (length > 1) {
        EXPECT_FALSE(resolve(paths_, id.substr(0, length - 1)));
    }
    EXPECT_EQ(resolve(paths_, "three").error().text(), "no such container: three");
    EXPECT_EQ(resolve(paths_, "../names").error().text(), "no such container: ../names");
    EXPECT_EQ(resolve(paths_, "").error().text(), "no such container: ");
}

TEST_F(Names, AnAmbiguousPrefixIsAnError) {
    fs::create_directories(paths_.container("ab" + std::string(62, '0')));
    fs::create_directories(paths_.container("ab" + std::string(62, '1')));
    EXPECT_EQ(resolve(paths_, "ab").error().text(), "several containers begin with ab");
}

}  // namespace
}  // namespace crank::engine
