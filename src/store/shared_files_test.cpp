// Files that are the same are one inode, whichever layer and image they came with.
#include "store/shared_files.h"

#include <filesystem>
#include <set>
#include <thread>

#include "store/test_support.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/link.h"
#include "sys/stream.h"

namespace crank::store {
namespace {

using namespace test;
using testing::IsEmpty;
using testing::SizeIs;

class SharedFilesTest : public testing::Test {
protected:
    Store open() { return must(Store::open(root, OpenMode::read_write)); }
    Result<Layer> import(Store& store, const std::string& tar) {
        write(temp / "layer.tar", tar);
        return store.import_tar(temp / "layer.tar", oci::Digest::of(tar));
    }
    Layer commit(Store& store, const std::vector<std::pair<std::string, std::string>>& files) {
        Staging staging = must(store.stage());
        for (const auto& [name, content] : files) write(staging.upper() + "/" + name, content);
        CommitOptions options{.clamp_mtime = 1'000'000'000, .set_all_mtimes = true};
        return must(store.commit(std::move(staging), options));
    }
    static sys::FileInfo info(const std::string& path) { return must(sys::lstat(path)); }
    static std::uint64_t links(const std::string& path) {
        return std::filesystem::hard_link_count(path);
    }

    TempDir temp;
    std::string root = temp / "store";
};

TEST_F(SharedFilesTest, one_inode_for_the_same_file_of_two_imported_layers) {
    Store store = open();
    std::string big(3 << 20, 'b');
    Layer one = must(import(store, tar_of({file("a", "same"), file("big", big)})));
    Layer two = must(import(store, tar_of({dir("d"), file("d/b", "same"), file("d/big", big),
                                           file("d/other", "other")})));
    std::string first = store.layer_path(one), second = store.layer_path(two);
    EXPECT_EQ(info(first + "/a").inode, info(second + "/d/b").inode);
    EXPECT_EQ(info(first + "/big").inode, info(second + "/d/big").inode);
    EXPECT_NE(info(first + "/a").inode, info(second + "/d/other").inode);
    EXPECT_EQ(info(second + "/d").mtime_ns, 1'000'000'000'000'000'000) << "directories keep times";
}

TEST_F(SharedFilesTest, one_inode_for_the_same_file_of_built_and_imported_layers) {
    Store store = open();
    Layer imported = must(import(store, tar_of({file("a", "same")})));
    Layer built = commit(store, {{"x", "same"}, {"y", "other"}});
    EXPECT_EQ(info(store.layer_path(imported) + "/a").inode,
              info(store.layer_path(built) + "/x").inode);
    Layer later = must(import(store, tar_of({file("z", "other")})));
    EXPECT_EQ(info(store.layer_path(built) + "/y").inode,
              info(store.layer_path(later) + "/z").inode);
    EXPECT_EQ(oci::Digest::of(tar_again(store, built)), built.diff_id);
    EXPECT_EQ(info(store.layer_path(built)).mtime_ns, 0);
}

TEST_F(SharedFilesTest, whatever_differs_is_another_file) {
    SKIP_UNLESS_ROOT();
    Store store = open();
    std::vector<Item> variants(8, file("f", "same"));
    variants[1].entry.mode = 0600;
    variants[2].entry.uid = 7;
    variants[3].entry.gid = 7;
    variants[4].entry.mtime = 5;
    variants[5].entry.mtime_ns = 5;
    variants[6].entry.xattrs = {{"user.note", "x"}};
    variants[7].content = "SAME";
    std::set<FileHash> hashes;
    std::set<std::uint64_t> inodes;
    for (Item& variant : variants) {
        FileHasher hasher(identity_of(variant.entry));
        hasher.update(bytes_of(variant.content));
        hashes.insert(hasher.finish());
        Layer layer =
            must(import(store, tar_of({dir("made-" + std::to_string(hashes.size())), variant})));
        inodes.insert(info(store.layer_path(layer) + "/f").inode);
    }
    EXPECT_THAT(hashes, SizeIs(8));
    // (a header of whole seconds: the fifth's time is the first's in the archive)
    EXPECT_THAT(inodes, SizeIs(7));
}

TEST_F(SharedFilesTest, equal_files_of_one_layer_stay_apart_and_are_shared_in_pairs) {
    Store store = open();
    Layer one = commit(store, {{"a", "same"}, {"b", "same"}});
    Layer two = must(import(store, tar_of({file("c", "same"), file("d", "same"), file("e", "x")})));
    std::string first = store.layer_path(one), second = store.layer_path(two);
    EXPECT_NE(info(first + "/a").inode, info(first + "/b").inode) << "would read as a hard link";
    EXPECT_EQ(info(first + "/a").inode, info(second + "/c").inode);
    EXPECT_EQ(info(first + "/b").inode, info(second + "/d").inode);
    EXPECT_EQ(oci::Digest::of(tar_again(store, one)), one.diff_id);
}

TEST_F(SharedFilesTest, hard_links_stay_hard_links) {
    Store store = open();
    auto linked = [&] {
        Staging staging = must(store.stage());
        write(staging.upper() + "/a", "same");
        std::filesystem::create_directory(staging.upper() + "/d");
        std::filesystem::create_hard_link(staging.upper() + "/a", staging.upper() + "/d/b");
        return staging;
    };
    must(import(store, tar_of({file("z", "same")})));
    CommitOptions options{.clamp_mtime = 1'000'000'000, .set_all_mtimes = true};
    Layer layer = must(store.commit(linked(), options));
    std::string tree = store.layer_path(layer);
    EXPECT_EQ(info(tree + "/a").inode, info(tree + "/d/b").inode);
    EXPECT_EQ(oci::Digest::of(tar_again(store, layer)), layer.diff_id);
    EXPECT_EQ(links(tree + "/a"), 3u) << "z, a and d/b";
    std::string tar = tar_of({file("f", "same"), hard_link("g", "f")});
    Layer imported = must(import(store, tar));
    EXPECT_EQ(links(tree + "/a"), 5u);
    EXPECT_EQ(tar_again(store, imported), tar);
}

TEST_F(SharedFilesTest, shares_no_empty_file_and_nothing_of_cron) {
    Store store = open();
    std::vector<Item> items{file("empty", ""), file("etc/crontab", "x"),
                            file("etc/cron.d/job", "x"), file("var/spool/cron/root", "x")};
    must(import(store, tar_of(items)));
    items.push_back(file("another", "y"));
    Layer layer = must(import(store, tar_of(items)));
    for (const Item& item : items)
        EXPECT_EQ(links(store.layer_path(layer) + "/" + item.entry.path), 1u) << item.entry.path;
}

TEST_F(SharedFilesTest, a_large_file_that_another_layer_has_is_not_kept_twice) {
    Store store = open();
    std::string big(5 << 20, 'b'), other = big;
    other.back() = 'c';
    Layer one = must(import(store, tar_of({file("a", big)})));
    Layer two = must(import(store, tar_of({file("b", big), file("c", other)})));
    std::string tree = store.layer_path(two);
    EXPECT_EQ(info(store.layer_path(one) + "/a").inode, info(tree + "/b").inode);
    EXPECT_EQ(links(tree + "/c"), 1u);
    EXPECT_EQ(count(tree), 2u) << "nothing is left of the first copy";
}

TEST_F(SharedFilesTest, what_is_left_of_a_removed_layer_is_still_found) {
    Store store = open();
    Image one = add_image(store, "one", "x");
    auto kept = add_layer(store, "other-name", "x");
    must(store.add_image(config_of({kept})));
    must(store.remove("one"));
    std::string tree = store.layer_path(must(store.find_layer(kept)).value());
    EXPECT_EQ(links(tree + "/other-name"), 1u);
    auto third = add_layer(store, "third", "x");
    EXPECT_EQ(info(store.layer_path(must(store.find_layer(third)).value()) + "/third").inode,
              info(tree + "/other-name").inode);
}

TEST_F(SharedFilesTest, layers_that_come_at_the_same_time_share_too) {
    Store store = open();
    std::vector<std::string> tars;
    for (int i = 0; i < 4; ++i) {
        std::vector<Item> items{dir("d" + std::to_string(i))};
        for (int f = 0; f < 300; ++f)
            items.push_back(file("f" + std::to_string(f), "same " + std::to_string(f)));
        tars.push_back(tar_of(items));
        write(temp / ("layer-" + std::to_string(i)), tars.back());
    }
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
            must(store.import_tar(temp / ("layer-" + std::to_string(i)), oci::Digest::of(tars[i])));
        });
    threads.clear();
    std::string tree = store.layer_path(must(store.find_layer(oci::Digest::of(tars[0]))).value());
    for (int f = 0; f < 300; ++f) EXPECT_EQ(links(tree + "/f" + std::to_string(f)), 4u) << f;
}

// The index holds hints: whatever stands in it, what is linked is what was wanted.
TEST_F(SharedFilesTest, a_wrong_or_damaged_index_does_no_harm) {
    std::string tar = tar_of({file("a", "one"), file("b", "two")});
    must(import(*std::make_unique<Store>(open()), tar));
    for (const char* what : {"wrong", "cut", "noise", "a directory"}) {
        std::string name = what;
        std::filesystem::remove_all(root + "/index");
        if (name == "wrong") {
            auto index = must(FileIndex::create(root + "/index", 10));
            TarEntry entry = file("x", "new").entry;
            entry.size = 3;
            FileHasher wanted(identity_of(entry));
            wanted.update(bytes_of("new"));
            for (std::uint32_t at : {0u, 1u, 7u}) index.insert(wanted.finish(), {1, at});
            index.insert(wanted.finish(), {99, 0});
        } else if (name == "a directory") {
            std::filesystem::create_directory(root + "/index");
        } else {
            write(root + "/index", std::string(name == "cut" ? 10 : 100'000, '\x5a'));
        }
        Store store = open();
        Layer layer = must(import(store, tar_of({dir(name), file("x", "new"), file("y", "one")})));
        EXPECT_EQ(read(store.layer_path(layer) + "/x"), "new") << name;
        EXPECT_EQ(read(store.layer_path(layer) + "/y"), "one") << name;
        EXPECT_THAT(must(store.verify({}, Repair::no)).damage, IsEmpty()) << name;
        must(store.drop_layers(std::vector<std::int64_t>{layer.number}));
    }
}

// As a power cut leaves a file whose blocks had not been written.
TEST_F(SharedFilesTest, a_file_without_its_content_is_not_shared) {
    Store store = open();
    Layer one = must(import(store, tar_of({file("a", "same")})));
    std::string path = store.layer_path(one) + "/a";
    write(path, std::string(4, '\0'));
    auto tree = must(sys::open_dir(store.layer_path(one)));
    must(sys::set_mtime_at(tree.get(), "a", 1'000'000'000, 0));
    Layer two = must(import(store, tar_of({file("b", "same")})));
    EXPECT_EQ(read(store.layer_path(two) + "/b"), "same");
    EXPECT_NE(info(path).inode, info(store.layer_path(two) + "/b").inode);
}

TEST_F(SharedFilesTest, an_index_grows) {
    Store store = open();
    for (int round = 0; round < 3; ++round) {
        std::vector<Item> items;
        for (int f = 0; f < 900; ++f)
            items.push_back(file(std::to_string(f), std::to_string(round * 1000 + f)));
        must(import(store, tar_of(items)));
    }
    Layer layer = must(import(store, tar_of({file("first", "0"), file("last", "2899")})));
    EXPECT_EQ(links(store.layer_path(layer) + "/first"), 2u);
    EXPECT_EQ(links(store.layer_path(layer) + "/last"), 2u);
}

TEST_F(SharedFilesTest, lists_of_files_are_read_as_they_are_written) {
    auto dir = must(sys::open_dir(temp.path()));
    std::vector<LayerFile> files{{"usr/bin/a", 1}, {"usr/bin/ab", UINT64_MAX}, {"z", 7}};
    must(write_layer_files(dir.get(), files));
    auto found = must(read_layer_files(dir.get()));
    ASSERT_THAT(found, SizeIs(3));
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(found[i].path, files[i].path);
        EXPECT_EQ(found[i].hash, files[i].hash);
    }
    std::string head = "crank files 1\n";
    for (const std::string& bad :
         {std::string("x"), zstd("crank files 2\n"), zstd(head + "short"),
          zstd(head + std::string(8, 'h') + std::string("\0\0\5\0", 4) + "abc"),
          zstd(head + std::string(8, 'h') + std::string("\1\0\1\0", 4) + "a")}) {
        must(sys::remove_file(temp / "files"));
        write(temp / "files", bad);
        EXPECT_EQ(code_of(read_layer_files(dir.get())), Code::corrupt);
    }
}

TEST_F(SharedFilesTest, a_file_with_too_many_names_gets_a_successor) {
    Store store = open();
    Layer one = must(import(store, tar_of({file("a", "same")})));
    // As many as the file system allows.
    auto tmp = must(sys::open_dir(temp.path()));
    auto tree = must(sys::open_dir(store.layer_path(one)));
    int made = 0;
    constexpr int kEnough = 70'000;  // ext4: 65,000
    while (made < kEnough &&
           must(sys::try_link_at(tree.get(), "a", tmp.get(), "n" + std::to_string(made))) ==
               sys::LinkOutcome::made)
        ++made;
    if (made == kEnough) GTEST_SKIP() << "needs a file system that limits the links of a file";
    Layer two = must(import(store, tar_of({file("b", "same")})));
    Layer three = must(import(store, tar_of({file("c", "same")})));
    EXPECT_NE(info(store.layer_path(one) + "/a").inode, info(store.layer_path(two) + "/b").inode);
    EXPECT_EQ(info(store.layer_path(two) + "/b").inode, info(store.layer_path(three) + "/c").inode);
}

}  // namespace
}  // namespace crank::store
