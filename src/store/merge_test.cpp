// Images with many layers are mounted as if they had few.
#include "store/merge.h"

#include <filesystem>

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
using testing::StartsWith;

class MergeTest : public testing::Test {
protected:
    Store open() { return must(Store::open(root, OpenMode::read_write)); }
    // Layer i has the file i, "all" and d/i, and hides the file i - 3.
    oci::Digest layer(Store& store, int i) {
        std::string number = std::to_string(i);
        std::vector<Item> items{dir("d"), file("d/" + number, number), file("all", number),
                                file(number, number)};
        if (is_root() && i >= 3) items.push_back(file(".wh." + std::to_string(i - 3), ""));
        std::string tar = tar_of(items);
        write(temp / "layer.tar", tar);
        return must(store.import_tar(temp / "layer.tar", oci::Digest::of(tar))).diff_id;
    }
    Image deep(Store& store, int layers, const std::string& tag) {
        std::vector<oci::Digest> ids;
        for (int i = 0; i < layers; ++i) ids.push_back(layer(store, i));
        Image image = must(store.add_image(config_of(ids, tag)));
        must(store.tag(must(oci::Reference::parse(tag)), image.id));
        return must(store.find(tag));
    }
    std::size_t merged() { return sys::exists(root + "/m") ? count(root + "/m") : 0; }

    TempDir temp;
    std::string root = temp / "store";
};

TEST_F(MergeTest, a_deep_image_has_at_most_eight_lower_directories) {
    Store store = open();
    for (int layers : {1, 8, 9, 15, 16, 60}) {
        Image image = deep(store, layers, "app:" + std::to_string(layers));
        EXPECT_LE(image.layers.lower.size(), 8u) << layers;
        EXPECT_EQ(image.layers.lower.back().starts_with("m/"), layers > 8) << layers;
        EXPECT_EQ(must(store.stack(image.config.diff_ids)).lower, image.layers.lower);
    }
}

TEST_F(MergeTest, the_merged_tree_is_what_an_overlay_shows) {
    SKIP_UNLESS_ROOT();
    Store store = open();
    Image image = deep(store, 9, "app");  // seven are merged
    std::string tree = root + "/" + image.layers.lower.back();
    std::vector<std::string> names;
    for (const std::string& line : listing(tree)) names.push_back(line.substr(0, line.find(' ')));
    EXPECT_THAT(names, ElementsAre("4", "5", "6", "all", "d", "d/0", "d/1", "d/2", "d/3", "d/4",
                                   "d/5", "d/6"));
    EXPECT_EQ(read(tree + "/all"), "6");
    auto top = must(sys::lstat(root + "/l/7/fs/all"));
    EXPECT_EQ(must(sys::lstat(tree + "/all")).inode, top.inode);
    EXPECT_EQ(must(sys::lstat(tree + "/d")).mtime_ns, 1'000'000'000'000'000'000);
}

TEST_F(MergeTest, opaque_directories_and_replaced_kinds) {
    SKIP_UNLESS_ROOT();
    std::string low = temp / "low", high = temp / "high", out = temp / "out";
    for (const std::string& path : {low, high, out}) std::filesystem::create_directory(path);
    for (const char* name : {"opaque", "becomes-file", "kept"})
        std::filesystem::create_directory(low + "/" + name);
    for (const char* name : {"opaque/old", "becomes-file/old", "kept/old", "becomes-dir"})
        write(low + "/" + name, "low");
    std::filesystem::create_directory(high + "/opaque");
    std::filesystem::create_directory(high + "/becomes-dir");
    std::filesystem::create_symlink("x", high + "/link");
    write(high + "/opaque/new", "high");
    write(high + "/becomes-file", "high");
    auto dir = must(sys::open_dir(high));
    must(sys::set_xattr_at(dir.get(), "opaque", "trusted.overlay.opaque", "y"));
    EXPECT_TRUE(must(merge_trees({high, low}, out)));
    std::vector<std::string> names;
    for (const std::string& line : listing(out)) names.push_back(line.substr(0, line.find(" 0")));
    EXPECT_THAT(names, ElementsAre("becomes-dir dir", "becomes-file file", "kept dir",
                                   "kept/old file", "link link", "opaque dir", "opaque/new file"));
    auto made = must(sys::open_dir(out));
    EXPECT_FALSE(must(sys::get_xattr_at(made.get(), "opaque", "trusted.overlay.opaque")));
}

TEST_F(MergeTest, images_on_the_same_base_share_it_and_it_goes_with_the_last) {
    Store store = open();
    Image one = deep(store, 9, "one"), two = deep(store, 10, "two");
    EXPECT_EQ(one.layers.lower.back(), two.layers.lower.back());
    must(store.remove("one"));
    EXPECT_EQ(merged(), 1u);
    must(store.remove("two"));
    EXPECT_EQ(merged(), 0u);
    EXPECT_EQ(count(root + "/l"), 0u);
}

TEST_F(MergeTest, a_damaged_layer_takes_its_merged_tree_along) {
    Store store = open();
    Image image = deep(store, 9, "app");
    must(sys::remove_file(root + "/l/1/fs/0"));
    EXPECT_THAT(must(store.verify({}, Repair::no)).damage, SizeIs(1));
    EXPECT_THAT(must(store.find("app")).layers.lower, SizeIs(9)) << "the layers themselves";
    Pin pin = must(store.pin(image));
    must(store.collect());
    EXPECT_EQ(merged(), 1u) << "a container may use it";
    pin.fd.reset();
    must(store.collect());
    EXPECT_EQ(merged(), 0u);
}

TEST_F(MergeTest, killed_at_every_switch) {
    for (const char* point : {"store.merge.before_rename", "store.merge.before_commit"}) {
        EXPECT_TRUE(killed_at(point, [&] {
            Store store = open();
            deep(store, 9, "app");
        })) << point;
        Store store = open();
        EXPECT_EQ(code_of(store.find("app")), Code::not_found);
        EXPECT_EQ(merged(), 0u) << "opening it sweeps";
        must(store.collect());
        EXPECT_EQ(count(root + "/tmp"), 0u);
    }
    for (const char* point : {"store.merge.before_removal", "store.merge.after_removal"}) {
        {
            Store store = open();
            EXPECT_THAT(deep(store, 9, "app").layers.lower, SizeIs(3));
        }
        EXPECT_TRUE(killed_at(point, [&] { must(open().remove("app")); })) << point;
        Store store = open();
        if (std::string(point) == "store.merge.after_removal") {
            EXPECT_EQ(merged(), 0u);
        }
        must(store.collect());
        EXPECT_EQ(merged(), 0u) << point;
        EXPECT_EQ(count(root + "/l"), 0u) << point;
    }
}

}  // namespace
}  // namespace crank::store
