#include "engine/volume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sys/attributes.h"
#include "sys/file.h"

namespace crank::engine::volumes {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kOne(64, '1'), kTwo(64, '2');

class Volumes : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "volumes.XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        paths_ = {.root = pattern, .state = pattern + "/state", .config = ""};
        for (const std::string& id : {kOne, kTwo}) fs::create_directories(paths_.container(id));
    }
    void TearDown() override { fs::remove_all(paths_.root); }

    static Result<> fill_with(int data, const std::string& name) {
        TRY(sys::make_dir_at(data, name, 0750));
        return sys::make_symlink_at("target", data, "link");
    }
    Fill filler() const {
        return [](int data) { return fill_with(data, "dir"); };
    }
    std::vector<std::string> names() const {
        std::vector<std::string> all;
        std::vector<Volume> volumes = list(paths_).value();
        for (const Volume& volume : volumes) all.push_back(volume.name);
        return all;
    }
    std::vector<std::string> in(const std::string& name) const {
        return sys::list_dir(data_of(paths_, {.name = name})).value();
    }
    // In a process that a crash point kills.
    void crash_in(const char* point, const std::function<void()>& work) {
        pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            setenv("CRANK_CRASH_AT", point, 1);
            work();
            _exit(0);
        }
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << point << " was not met";
    }

    Paths paths_;
};

TEST_F(Volumes, AreMadeFoundListedAndRemoved) {
    EXPECT_THAT(names(), IsEmpty());
    EXPECT_TRUE(create(paths_, {.name = "models", .labels = {{"k", "v"}}}).value());
    EXPECT_FALSE(create(paths_, {.name = "models"}).value()) << "it exists";
    EXPECT_EQ(find(paths_, "models")->labels.at("k"), "v") << "and stays as it is";
    EXPECT_TRUE(create(paths_, {.name = "a-cache"}).value());
    EXPECT_THAT(names(), ElementsAre("a-cache", "models"));
    EXPECT_TRUE(remove(paths_, "models"));
    EXPECT_EQ(remove(paths_, "models").error().text(), "no such volume: models");
    EXPECT_THAT(names(), ElementsAre("a-cache"));
    for (const char* bad : {"", "a", "-ab", "../x", "a/b", ".new-x"})
        EXPECT_FALSE(create(paths_, {.name = bad})) << bad;
    EXPECT_EQ(find(paths_, "../containers").error().code(), Code::not_found);
}

TEST_F(Volumes, InUseAsLongAsTheContainerExists) {
    EXPECT_TRUE(use(paths_, {.name = "data"}, kOne, {}).value());
    EXPECT_FALSE(use(paths_, {.name = "data"}, kTwo, {}).value());
    EXPECT_FALSE(use(paths_, {.name = "data"}, kTwo, {}).value()) << "twice in one container";
    EXPECT_THAT(users(paths_, "data").value(), ElementsAre(kOne, kTwo));
    auto removed = remove(paths_, "data");
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code(), Code::in_use);
    EXPECT_THAT(removed.error().text(), HasSubstr("volume data is in use by container 1111"));
    fs::remove_all(paths_.container(kOne));
    EXPECT_EQ(remove(paths_, "data").error().code(), Code::in_use);
    leave(paths_, "data", kTwo);
    EXPECT_TRUE(remove(paths_, "data")) << "the link of one that is gone is nobody's";
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(Volumes, ANewOneAndAnEmptyOneAreFilledAndOthersAreNot) {
    ASSERT_TRUE(use(paths_, {.name = "new"}, kOne, filler()).value());
    EXPECT_THAT(in("new"), ElementsAre("dir", "link"));
    ASSERT_TRUE(create(paths_, {.name = "empty"}));
    ASSERT_TRUE(use(paths_, {.name = "empty"}, kOne, filler()));
    EXPECT_THAT(in("empty"), ElementsAre("dir", "link"));
    ASSERT_TRUE(create(paths_, {.name = "full"}));
    std::ofstream(data_of(paths_, {.name = "full"}) + "/mine") << "x";
    ASSERT_TRUE(use(paths_, {.name = "full"}, kOne, filler()));
    EXPECT_THAT(in("full"), ElementsAre("mine"));
}

TEST_F(Volumes, AFillingThatFailsLeavesNothing) {
    Fill broken = [](int data) -> Result<> {
        TRY(fill_with(data, "half"));
        return fail(Code::exhausted, "no space");
    };
    EXPECT_EQ(use(paths_, {.name = "new"}, kOne, broken).error().text(), "no space");
    EXPECT_THAT(names(), IsEmpty());
    EXPECT_THAT(sys::list_dir(paths_.volumes()).value(), IsEmpty());
    ASSERT_TRUE(create(paths_, {.name = "empty"}));
    EXPECT_FALSE(use(paths_, {.name = "empty"}, kOne, broken));
    EXPECT_THAT(in("empty"), IsEmpty());
    EXPECT_THAT(sys::list_dir(paths_.volume("empty")).value(),
                ElementsAre("_data", "users", "volume.json"));
}

TEST_F(Volumes, AreWholeOrNotThereAfterACrash) {
    crash_in("volume.make.before_name",
             [&] { (void)use(paths_, {.name = "new"}, kOne, filler()); });
    EXPECT_THAT(names(), IsEmpty());
    EXPECT_THAT(sys::list_dir(paths_.volumes()).value(), IsEmpty()) << "what was left is swept";
    crash_in("volume.make.named", [&] { (void)use(paths_, {.name = "new"}, kOne, filler()); });
    EXPECT_THAT(names(), ElementsAre("new"));
    EXPECT_THAT(in("new"), ElementsAre("dir", "link"));

    ASSERT_TRUE(create(paths_, {.name = "empty"}));
    crash_in("volume.fill.before_name",
             [&] { (void)use(paths_, {.name = "empty"}, kOne, filler()); });
    EXPECT_THAT(in("empty"), IsEmpty());
    for (const char* point : {"volume.fill.named", "volume.fill.moved"}) {
        std::string name = point;
        ASSERT_TRUE(create(paths_, {.name = name}));
        crash_in(point, [&] { (void)use(paths_, {.name = name}, kOne, filler()); });
        ASSERT_TRUE(use(paths_, {.name = name}, kTwo, [](int) -> Result<> {
            return fail(Code::internal, "it was filled already");
        }));
        EXPECT_THAT(in(name), ElementsAre("dir", "link")) << point;
    }
}

TEST_F(Volumes, AreThereOrGoneAfterACrash) {
    for (const char* point : {"volume.remove.decided", "volume.remove.renamed"}) {
        ASSERT_TRUE(create(paths_, {.name = "old"}));
        std::ofstream(data_of(paths_, {.name = "old"}) + "/mine") << "x";
        crash_in(point, [&] { (void)remove(paths_, "old"); });
        EXPECT_EQ(find(paths_, "old").error().code(), Code::not_found) << point;
        EXPECT_TRUE(use(paths_, {.name = "old"}, kOne, {}).value()) << "a new one: " << point;
        EXPECT_THAT(in("old"), IsEmpty());
        leave(paths_, "old", kOne);
        ASSERT_TRUE(remove(paths_, "old"));
        EXPECT_THAT(names(), IsEmpty());
        EXPECT_THAT(sys::list_dir(paths_.volumes()).value(), IsEmpty()) << point;
    }
}

TEST_F(Volumes, WhoMakesAndWhoRemovesMeet) {
    constexpr int kRounds = 200;
    std::thread remover([&] {
        for (int i = 0; i < kRounds; ++i) (void)remove(paths_, "data");
    });
    for (int i = 0; i < kRounds; ++i) {
        auto used = use(paths_, {.name = "data"}, kOne, filler());
        ASSERT_TRUE(used) << used.error().text();
        // Held: it stays, whole.
        EXPECT_THAT(in("data"), ElementsAre("dir", "link"));
        leave(paths_, "data", kOne);
    }
    remover.join();
}

TEST_F(Volumes, ReleasingRemovesThoseOfTheContainerAlone) {
    Record record{.id = kOne, .name = "one"};
    for (const char* name : {"named", "own", "shared"}) {
        ASSERT_TRUE(use(paths_, {.name = name}, kOne, {}));
        record.mounts.push_back({.type = "volume", .volume = name, .anonymous = name[0] != 'n'});
    }
    ASSERT_TRUE(use(paths_, {.name = "shared"}, kTwo, {}));
    fs::remove_all(paths_.container(kOne));
    ASSERT_TRUE(release(paths_, record, Anonymous::removed));
    EXPECT_THAT(names(), ElementsAre("named", "shared"));
    EXPECT_THAT(users(paths_, "named").value(), IsEmpty());
}

}  // namespace
}  // namespace crank::engine::volumes
