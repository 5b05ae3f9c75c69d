// Damage is found, named, kept from spreading, and repaired from what is left.
#include <filesystem>

#include "store/database.h"
#include "store/test_support.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class VerifyTest : public testing::Test {
protected:
    VerifyReport verify(Repair repair = Repair::no, std::vector<std::string> names = {}) {
        return must(store.verify(names, repair));
    }
    Image image_of_tar(const std::string& tag, const std::string& tar) {
        write(temp / "layer.tar", tar);
        must(store.import_tar(temp / "layer.tar", oci::Digest::of(tar)));
        Image image = must(store.add_image(config_of({oci::Digest::of(tar)}, tag)));
        must(store.tag(must(oci::Reference::parse(tag)), image.id));
        return image;
    }
    std::string tree(const Image& image) { return root + "/" + image.layers.lower.at(0); }
    // Changes the file's bytes in place, and keeps its time.
    static void damage(const std::string& path, const std::string& content) {
        auto info = must(sys::lstat(path));
        write(path, content);
        auto dir = must(sys::open_dir(std::filesystem::path(path).parent_path()));
        must(sys::set_mtime_at(dir.get(), std::filesystem::path(path).filename(),
                               info.mtime_ns / 1'000'000'000, 0));
    }

    TempDir temp;
    std::string root = temp / "store";
    Store store = must(Store::open(root, OpenMode::read_write));
};

TEST_F(VerifyTest, a_sound_store_is_sound) {
    add_image(store, "built", "a");
    image_of_tar("loaded", tar_of({dir("d"), file("d/f", "b"), file("empty", "")}));
    image_of_tar("twice", tar_of({file("f", "1"), file("f", "2")}));
    VerifyReport report = verify();
    EXPECT_THAT(report.damage, IsEmpty());
    EXPECT_EQ(report.images, 3u);
    EXPECT_EQ(report.layers, 3u);
    EXPECT_EQ(report.files, 3u);
    EXPECT_EQ(verify(Repair::no, {"built"}).layers, 1u);
    EXPECT_EQ(code_of(store.verify(std::vector<std::string>{"none"}, Repair::no)), Code::not_found);
}

TEST_F(VerifyTest, names_the_file_and_every_image_that_has_it) {
    Image one = image_of_tar("one", tar_of({dir("d"), file("d/f", "same"), file("g", "x")}));
    Image two = image_of_tar("two", tar_of({file("h", "same")}));
    image_of_tar("three", tar_of({file("h", "other")}));
    damage(tree(two) + "/h", "sAme");
    VerifyReport report = verify();
    ASSERT_THAT(report.damage, SizeIs(2));
    EXPECT_THAT(report.damage[0].what, HasSubstr("file d/f of layer sha256:"));
    EXPECT_THAT(report.damage[0].images, ElementsAre("one:latest"));
    EXPECT_THAT(report.damage[1].what, HasSubstr("file h of layer sha256:"));
    EXPECT_THAT(report.damage[1].images, ElementsAre("two:latest"));
    EXPECT_THAT(verify(Repair::yes).damage, SizeIs(2)) << "there is no other copy";
}

TEST_F(VerifyTest, a_damaged_file_spreads_no_further_and_loading_again_repairs) {
    std::string tar = tar_of({file("f", "same")});
    Image image = image_of_tar("app", tar);
    damage(tree(image) + "/f", "sAme");
    ASSERT_THAT(verify().damage, SizeIs(1));
    Image other = image_of_tar("other", tar_of({file("g", "same")}));
    EXPECT_EQ(read(tree(other) + "/g"), "same");
    EXPECT_FALSE(must(store.find_layer(oci::Digest::of(tar)))) << "counts as absent";
    image_of_tar("app", tar);
    Image repaired = must(store.find("app"));
    EXPECT_EQ(read(tree(repaired) + "/f"), "same");
    EXPECT_THAT(verify().damage, IsEmpty());
    EXPECT_EQ(repaired.id, image.id);
}

// A container that runs from a damaged layer must not lose its files to the repair.
TEST_F(VerifyTest,
       a_repaired_layer_has_a_tree_of_its_own_and_the_old_one_goes_when_nobody_uses_it) {
    std::string tar = tar_of({file("f", "same"), file("g", "x")});
    Image image = image_of_tar("app", tar);
    Pin pin = must(store.pin(image));
    damage(tree(image) + "/f", "sAme");
    ASSERT_THAT(verify().damage, SizeIs(1));
    image_of_tar("app", tar);
    Image repaired = must(store.find("app"));
    EXPECT_NE(repaired.layers.lower, image.layers.lower);
    EXPECT_EQ(read(tree(repaired) + "/f"), "same");
    must(Store::open(root, OpenMode::read_write));
    must(store.collect());
    EXPECT_EQ(read(tree(image) + "/g"), "x") << "in use";
    EXPECT_EQ(count(root + "/l"), 2u);
    EXPECT_THAT(verify().damage, IsEmpty());
    pin.fd.reset();
    must(store.collect());
    EXPECT_FALSE(sys::exists(tree(image)));
    EXPECT_EQ(code_of(store.pin(image)), Code::failed_precondition) << "found before the repair";
    EXPECT_EQ(count(root + "/l"), 1u);
    EXPECT_THAT(verify().damage, IsEmpty());
    must(store.remove("app"));
    EXPECT_EQ(count(root + "/l"), 0u);
}

TEST_F(VerifyTest, what_names_a_damaged_layer_names_the_one_in_its_place) {
    std::string tar = tar_of({file("f", "same")});
    oci::Digest diff_id = oci::Digest::of(tar);
    Image one = image_of_tar("one", tar);
    // one layer three times
    Image three = must(store.add_image(config_of({diff_id, diff_id, diff_id}, "three")));
    must(store.record_manifest(
        one.id, {"host/a", oci::Digest::of("manifest"), "type", "manifest"},
        std::vector<Store::Blob>{{oci::Digest::of("blob"), diff_id, 4, "type"}}));
    must(store.cache_put(oci::Digest::of("key"), {diff_id, "step"}));
    damage(tree(one) + "/f", "sAme");
    ASSERT_THAT(verify().damage, SizeIs(1));
    must(store.import_tar(temp / "layer.tar", diff_id));
    std::string place = must(store.find("one")).layers.lower.at(0);
    EXPECT_NE(place, one.layers.lower.at(0));
    EXPECT_THAT(must(store.find(three.id.str())).layers.lower, ElementsAre(place));
    EXPECT_THAT(must(store.blobs_of(diff_id)), SizeIs(1));
    EXPECT_EQ(must(store.cache_find(oci::Digest::of("key")))->layer, diff_id);
    EXPECT_THAT(verify().damage, IsEmpty());
}

// As a crank of format 4 left it when it repaired a layer and the machine stopped.
TEST_F(VerifyTest, a_layer_of_an_image_that_may_not_be_on_disk_counts_as_damaged) {
    std::string tar = tar_of({file("f", "same")});
    image_of_tar("app", tar);
    {
        auto db = must(Database::open(root + "/crank.db"));
        must(db.script("UPDATE layer SET boot = 'an earlier one'"));
    }
    Store next = must(Store::open(root, OpenMode::read_write));
    EXPECT_FALSE(must(next.find_layer(oci::Digest::of(tar))));
    EXPECT_THAT(must(next.verify({}, Repair::no)).damage, IsEmpty());
    EXPECT_TRUE(must(next.find_layer(oci::Digest::of(tar))));
}

TEST_F(VerifyTest, a_build_repairs_a_layer_of_its_own) {
    Image image = add_image(store, "app", "content");
    damage(tree(image) + "/file", "CONTENT");
    ASSERT_THAT(verify().damage, SizeIs(1));
    Staging staging = must(store.stage());
    write(staging.upper() + "/file", "content");
    (void)must(store.commit(std::move(staging), {}));
    EXPECT_THAT(verify().damage, IsEmpty());
}

TEST_F(VerifyTest, a_file_of_one_tree_alone_comes_back_from_another) {
    Image image = image_of_tar(
        "app", tar_of({dir("d"), file("d/f", "content"), file("g", "x"), hard_link("d/h", "d/f")}));
    image_of_tar("other", tar_of({file("elsewhere", "content")}));
    std::string path = tree(image) + "/d/f";
    // Another inode: the other layer's stays sound.
    std::string twin = tree(image) + "/d/h";
    for (const std::string& name : {path, twin}) must(sys::remove_file(name));
    write(path, "CONTENT");
    std::filesystem::create_hard_link(path, twin);
    // What a repair that was killed has left.
    write(root + "/l/1/repaired", "x");
    VerifyReport report = verify(Repair::yes);
    ASSERT_THAT(report.damage, SizeIs(1));
    EXPECT_TRUE(report.damage[0].repaired);
    EXPECT_EQ(read(path), "content");
    EXPECT_EQ(must(sys::lstat(path)).inode, must(sys::lstat(twin)).inode);
    EXPECT_FALSE(sys::exists(root + "/l/1/repaired"));
    EXPECT_THAT(verify().damage, IsEmpty());
}

// Two names of one inode would be a hard link that the layer does not have.
TEST_F(VerifyTest, equal_files_of_a_layer_are_not_joined_by_a_repair) {
    for (const char* origin : {"imported", "built"}) {
        Image image;
        if (std::string(origin) == "built") {
            Staging staging = must(store.stage());
            for (const char* name : {"f", "g"}) write(staging.upper() + "/" + name, "built");
            CommitOptions options{.clamp_mtime = 1'000'000'000, .set_all_mtimes = true};
            Layer layer = must(store.commit(std::move(staging), options));
            image = must(store.add_image(config_of({layer.diff_id}, origin)));
        } else {
            image = image_of_tar(origin, tar_of({file("f", "content"), file("g", "content")}));
        }
        std::string path = tree(image) + "/f";
        std::string content = read(path);
        std::string other(content.size(), '#');
        damage(path, other);
        VerifyReport report = verify(Repair::yes);
        ASSERT_THAT(report.damage, SizeIs(1)) << origin;
        EXPECT_FALSE(report.damage[0].repaired) << origin;
        EXPECT_EQ(read(path), other) << origin;
        EXPECT_NE(must(sys::lstat(path)).inode, must(sys::lstat(tree(image) + "/g")).inode);
        must(store.remove(image.id.str()));
    }
}

TEST_F(VerifyTest, a_kept_tar_makes_its_tree_again) {
    Image image = image_of_tar("app", tar_of({file("f", "1"), file("f", "second")}));
    must(sys::remove_file(tree(image) + "/f"));
    write(tree(image) + "/f", "SECOND");
    VerifyReport report = verify(Repair::yes);
    ASSERT_THAT(report.damage, SizeIs(1));
    EXPECT_TRUE(report.damage[0].repaired);
    EXPECT_EQ(read(tree(must(store.find("app"))) + "/f"), "second");
    EXPECT_THAT(verify().damage, IsEmpty());
}

TEST_F(VerifyTest, missing_and_changed_entries_are_damage) {
    Image gone = image_of_tar("gone", tar_of({file("f", "content"), file("g", "x")}));
    Image mode = add_image(store, "mode", "m");
    must(sys::remove_file(tree(gone) + "/f"));
    std::filesystem::permissions(tree(mode) + "/file", std::filesystem::perms(0600));
    EXPECT_THAT(verify().damage, SizeIs(2));
}

TEST_F(VerifyTest, killed_while_it_repairs) {
    std::string tar = tar_of({file("f", "content")});
    Image image = image_of_tar("app", tar);
    for (const char* point :
         {"store.layer.before_rename", "store.layer.before_commit", "store.layer.after_commit"}) {
        damage(tree(must(store.find("app"))) + "/f", "CONTENT");
        EXPECT_TRUE(killed_at("store.verify.after_mark", [&] {
            must(must(Store::open(root, OpenMode::read_write)).verify({}, Repair::no));
        }));
        EXPECT_TRUE(killed_at(point, [&] {
            Store other = must(Store::open(root, OpenMode::read_write));
            must(other.import_tar(temp / "layer.tar", oci::Digest::of(tar)));
        })) << point;
        {
            Store next = must(Store::open(root, OpenMode::read_write));
            must(next.import_tar(temp / "layer.tar", oci::Digest::of(tar)));
            EXPECT_THAT(must(next.verify({}, Repair::no)).damage, IsEmpty()) << point;
        }
        EXPECT_EQ(must(store.find("app")).id, image.id);
        must(store.collect());
        EXPECT_EQ(count(root + "/l"), 1u) << point;
    }
}

}  // namespace
}  // namespace crank::store
