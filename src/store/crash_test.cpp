// Killed at every switch, from two processes at once, on a full disk: the store stays sound.
#include <filesystem>
#include <set>

#include "store/test_support.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {
namespace {

using namespace test;
using testing::AnyOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Store open_at(const std::string& root) { return must(Store::open(root, OpenMode::read_write)); }

// What a sound store is: every image has its layers, every layer gives its digest, nothing else
// lies about. Returns the tags.
std::set<std::string> expect_sound(const std::string& root) {
    std::set<std::string> tags, trees;
    Store store = open_at(root);
    must(store.collect());
    int devnull = must(sys::open("/dev/null", 1)).release();
    for (const Image& image : must(store.list())) {
        tags.insert(image.tags.begin(), image.tags.end());
        for (const auto& lower : image.layers.lower) {
            trees.insert(lower);
            EXPECT_TRUE(sys::exists(root + "/" + lower));
        }
        for (const auto& diff_id : image.config.diff_ids)
            must(store.write_layer_tar(diff_id, devnull));
    }
    sys::UniqueFd closes(devnull);
    EXPECT_EQ(count(root + "/l"), trees.size()) << "trees that nobody needs";
    EXPECT_EQ(count(root + "/tmp"), 0u);
    return tags;
}

class CrashTest : public testing::Test {
protected:
    void SetUp() override {
        Store store = open_at(root);
        add_image(store, "old", "old");
    }
    // Kills `body` at the point and checks what is left; the same body must succeed afterwards.
    std::set<std::string> kill(const std::string& point, const std::function<void()>& body) {
        SCOPED_TRACE(point);
        EXPECT_TRUE(killed_at(point, body)) << "the point was not reached";
        auto left = expect_sound(root);
        EXPECT_FALSE(killed_at("", body));
        expect_sound(root);
        return left;
    }

    TempDir temp;
    std::string root = temp / "store";
    const std::string old_tag = "docker.io/library/old:latest";
    const std::string new_tag = "docker.io/library/new:latest";
};

TEST_F(CrashTest, creating) {
    for (const char* point : {"store.create.before_schema", "store.create.before_format"}) {
        std::string fresh = temp / point;
        EXPECT_TRUE(killed_at(point, [&] { open_at(fresh); })) << point;
        EXPECT_EQ(code_of(Store::open(fresh, OpenMode::read_only)), Code::not_found);
        EXPECT_THAT(expect_sound(fresh), IsEmpty());
    }
}

TEST_F(CrashTest, building_an_image) {
    int n = 0;
    for (const char* point :
         {"store.layer.after_share", "store.layer.before_rename", "store.layer.before_commit",
          "store.layer.after_commit", "store.add_image.after_sync", "store.add_image.before_commit",
          "store.add_image.after_commit", "store.tag.before_commit", "store.tag.after_commit"}) {
        std::string content = "new" + std::to_string(++n);
        auto left = kill(point, [&] {
            Store store = open_at(root);
            add_image(store, "new", content);
        });
        // The tag is there after its own commit alone (the loop's first round apart: then it is
        // the one before).
        bool tagged = std::string(point) == "store.tag.after_commit" || n > 1;
        EXPECT_EQ(left.contains(new_tag), tagged) << point;
        EXPECT_TRUE(left.contains(old_tag));
    }
}

TEST_F(CrashTest, importing_an_image) {
    std::string tar = tar_of({file("f", "a"), file("f", "b")});
    oci::Digest diff_id = oci::Digest::of(tar);
    write(temp / "layer", gzip(tar));
    for (const char* point : {"store.layer.after_share", "store.layer.before_rename",
                              "store.layer.before_commit", "store.layer.after_commit",
                              "store.add_image.before_commit", "store.add_image.after_commit"}) {
        auto import_it = [&] {
            Store store = open_at(root);
            must(store.import_tar(temp / "layer", diff_id));
            must(store.add_images({{config_of({diff_id}), {new_tag}}}));
        };
        EXPECT_TRUE(killed_at(point, import_it)) << point;
        auto left = expect_sound(root);
        EXPECT_EQ(left.contains(new_tag), std::string(point) == "store.add_image.after_commit");
        EXPECT_FALSE(killed_at("", import_it));
        EXPECT_TRUE(expect_sound(root).contains(new_tag));
        must(open_at(root).remove("new"));
    }
}

TEST_F(CrashTest, removing_an_image) {
    for (const char* point : {"store.remove.before_commit", "store.remove.after_commit",
                              "store.collect.before_commit", "store.collect.after_commit",
                              "store.garbage.after_rename", "store.garbage.before_delete"}) {
        {
            Store store = open_at(root);
            add_image(store, "new", "new");
        }
        EXPECT_TRUE(killed_at(point, [&] { must(open_at(root).remove("new")); })) << point;
        auto left = expect_sound(root);
        bool removed = std::string(point) != "store.remove.before_commit";
        EXPECT_EQ(left.contains(new_tag), !removed) << point;
        if (!removed) must(open_at(root).remove("new"));
        EXPECT_THAT(expect_sound(root), ElementsAre(old_tag));
    }
}

// A command that lives on while another is killed keeps what it is making.
TEST_F(CrashTest, a_killed_command_takes_nothing_from_a_living_one) {
    Store store = open_at(root);
    Staging staging = must(store.stage());
    write(staging.upper() + "/file", "mine");
    auto layer = add_layer(store, "file", "not yet named by an image");
    EXPECT_TRUE(killed_at("store.layer.before_commit", [&] {
        Store other = open_at(root);
        add_image(other, "new", "new");
    }));
    { Store sweeps = open_at(root); }
    must(open_at(root).collect());
    EXPECT_TRUE(must(store.find_layer(layer)));
    must(store.add_image(config_of({layer, must(store.commit(std::move(staging), {})).diff_id})));
}

TEST_F(CrashTest, many_commands_at_once) {
    constexpr int kProcesses = 4, kRounds = 6;
    std::vector<std::function<void()>> bodies;
    for (int process = 0; process < kProcesses; ++process)
        bodies.push_back([=, this] {
            for (int round = 0; round < kRounds; ++round) {
                Store store = open_at(root);
                std::string own = std::to_string(process) + "-" + std::to_string(round);
                auto shared = add_layer(store, "shared", "round " + std::to_string(round));
                auto mine = add_layer(store, "own", own);
                Image image = must(store.add_image(config_of({shared, mine})));
                for (const std::string& tag : {"own:" + own, std::string("shared:latest")})
                    must(store.tag(must(oci::Reference::parse(tag)), image.id));
                if (round % 2 == 1) must(store.remove("own:" + own));
            }
        });
    run_at_once(bodies);
    auto tags = expect_sound(root);
    EXPECT_THAT(tags, SizeIs(kProcesses * kRounds / 2 + 2));  // shared:latest, old:latest
    EXPECT_TRUE(tags.contains("docker.io/library/shared:latest"));
}

TEST_F(CrashTest, many_first_commands_at_once) {
    std::string fresh = temp / "fresh";
    std::vector<std::function<void()>> bodies;
    for (int process = 0; process < 4; ++process)
        bodies.push_back([=] {
            Store store = open_at(fresh);
            add_image(store, "app:" + std::to_string(process), "same");
        });
    run_at_once(bodies);
    EXPECT_THAT(expect_sound(fresh), SizeIs(4));
}

TEST_F(CrashTest, a_full_disk) {
    SKIP_UNLESS_ROOT();
    TempDir elsewhere;
    auto body = [&] {
        mount_small_tmpfs(temp.path(), "size=5m");
        std::string full = temp / "full";
        std::string big(1 << 20, 'b');
        {
            Store store = open_at(full);
            add_image(store, "old", "old");
            Staging staging = must(store.stage());
            std::string path = staging.upper() + "/";
            for (int i = 0; i < 2; ++i) write(path + std::to_string(i), big);
            must(store.commit(std::move(staging), {}));
            // An imported layer runs into it while it is unpacked.
            std::string tar = tar_of({file("a", big), file("b", big), file("c", big)});
            write(elsewhere / "layer.tar", tar);
            auto result = store.import_tar(elsewhere / "layer.tar", oci::Digest::of(tar));
            if (code_of(result) != Code::exhausted) throw std::runtime_error(text_of(result));
        }
        // Then the database itself: nothing can be added, everything read, and room made.
        auto dir = must(sys::open_dir(temp.path()));
        auto filler = must(sys::create_file_at(dir.get(), "filler", 0600));
        while (sys::write_all(filler.get(), std::string(4096, 'f'), "filler")) continue;
        {
            Store store = open_at(full);
            auto added = store.add_image(config_of({}, std::string(2 << 20, 'x')));
            if (code_of(added) != Code::exhausted) throw std::runtime_error(text_of(added));
        }
        while (sys::write_all(filler.get(), std::string(4096, 'f'), "filler")) continue;
        must(must(Store::open(full, OpenMode::read_only)).find("old"));
        must(open_at(full).remove("old"));
        must(sys::remove_file(temp / "filler"));
        expect_sound(full);
        Store store = open_at(full);
        add_image(store, "new", "new");
    };
    EXPECT_FALSE(killed_at("", body));
}

}  // namespace
}  // namespace crank::store
