// Files that are the same are one inode, whichever layer and image they came with.
#include "store/pool.h"

#include <filesystem>
#include <set>

#include "store/database.h"
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

class PoolTest : public testing::Test {
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
    // Names of the pool's entries with their numbers of links.
    std::map<std::string, std::uint64_t> entries() {
        std::map<std::string, std::uint64_t> out;
        if (!sys::exists(root + "/o")) return out;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root + "/o")) {
            if (entry.is_directory() || entry.path().filename() == "unsynced") continue;
            out[entry.path().filename()] = entry.hard_link_count();
        }
        return out;
    }
    std::string again(Store& store, const Layer& layer) {
        auto dir = must(sys::open_dir(temp.path()));
        (void)sys::remove_file(temp / "again.tar");
        auto fd = must(sys::create_file_at(dir.get(), "again.tar", 0600));
        must(store.write_layer_tar(layer.diff_id, fd.get()));
        return read(temp / "again.tar");
    }

    TempDir temp;
    std::string root = temp / "store";
};

TEST_F(PoolTest, one_inode_for_the_same_file_of_two_imported_layers) {
    Store store = open();
    std::string big(3 << 20, 'b');
    Layer one = must(import(store, tar_of({file("a", "same"), file("big", big)})));
    Layer two = must(import(store, tar_of({dir("d"), file("d/b", "same"), file("d/big", big),
                                           file("d/other", "other")})));
    std::string first = store.layer_path(one), second = store.layer_path(two);
    EXPECT_EQ(info(first + "/a").inode, info(second + "/d/b").inode);
    EXPECT_EQ(info(first + "/big").inode, info(second + "/d/big").inode);
    EXPECT_NE(info(first + "/a").inode, info(second + "/d/other").inode);
    EXPECT_THAT(entries(), SizeIs(3));
    EXPECT_EQ(info(second + "/d").mtime_ns, 1'000'000'000'000'000'000) << "directories keep times";
}

TEST_F(PoolTest, one_inode_for_the_same_file_of_built_and_imported_layers) {
    Store store = open();
    Layer imported = must(import(store, tar_of({file("a", "same")})));
    Layer built = commit(store, {{"x", "same"}, {"y", "other"}});
    EXPECT_EQ(info(store.layer_path(imported) + "/a").inode,
              info(store.layer_path(built) + "/x").inode);
    Layer later = must(import(store, tar_of({file("z", "other")})));
    EXPECT_EQ(info(store.layer_path(built) + "/y").inode,
              info(store.layer_path(later) + "/z").inode);
    EXPECT_EQ(oci::Digest::of(again(store, built)), built.diff_id);
    EXPECT_EQ(info(store.layer_path(built)).mtime_ns, 0);
}

TEST_F(PoolTest, whatever_differs_is_another_file) {
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
    std::set<oci::Digest> digests;
    for (const Item& variant : variants) {
        FileHasher hasher(variant.entry);
        hasher.update(bytes_of(variant.content));
        digests.insert(hasher.finish());
        must(import(store, tar_of({dir("made-" + std::to_string(digests.size())), variant})));
    }
    EXPECT_THAT(digests, SizeIs(8));
    // (a header of whole seconds: the fifth's time is the first's in the archive)
    EXPECT_THAT(entries(), SizeIs(7));
}

TEST_F(PoolTest, equal_files_of_one_layer_stay_apart_and_are_shared_in_pairs) {
    Store store = open();
    Layer one = commit(store, {{"a", "same"}, {"b", "same"}});
    Layer two = must(import(store, tar_of({file("c", "same"), file("d", "same"), file("e", "x")})));
    std::string first = store.layer_path(one), second = store.layer_path(two);
    EXPECT_NE(info(first + "/a").inode, info(first + "/b").inode) << "would read as a hard link";
    EXPECT_EQ(info(first + "/a").inode, info(second + "/c").inode);
    EXPECT_EQ(info(first + "/b").inode, info(second + "/d").inode);
    EXPECT_EQ(oci::Digest::of(again(store, one)), one.diff_id);
}

TEST_F(PoolTest, hard_links_stay_hard_links) {
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
    EXPECT_EQ(oci::Digest::of(again(store, layer)), layer.diff_id);
    EXPECT_EQ(entries().begin()->second, 4u) << "the entry, z, a and d/b";
    std::string tar = tar_of({file("f", "same"), hard_link("g", "f")});
    Layer imported = must(import(store, tar));
    EXPECT_EQ(entries().begin()->second, 6u);
    EXPECT_EQ(again(store, imported), tar);
}

TEST_F(PoolTest, shares_no_empty_file_and_nothing_of_cron) {
    Store store = open();
    must(import(store, tar_of({file("empty", ""), file("etc/crontab", "x"),
                               file("etc/cron.d/job", "x"), file("var/spool/cron/root", "x")})));
    EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(PoolTest, entries_go_with_their_last_layer) {
    Store store = open();
    Image one = add_image(store, "one", "x");
    auto shared = add_layer(store, "other-name", "x");
    Image two = must(store.add_image(config_of({shared})));
    must(store.remove("one"));
    EXPECT_THAT(entries(), SizeIs(1));
    must(store.remove(two.id.str()));
    EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(PoolTest, a_layer_that_is_refused_leaves_no_entries) {
    Store store = open();
    std::string tar = tar_of({file("a", "x"), file("b", "y")});
    write(temp / "layer.tar", tar);
    EXPECT_EQ(code_of(store.import_tar(temp / "layer.tar", oci::Digest::of("z"))), Code::corrupt);
    EXPECT_THAT(entries(), IsEmpty());
    EXPECT_EQ(code_of(import(store, tar.substr(0, 1024 + 512))), Code::corrupt);
    EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(PoolTest, replaced_entries_of_an_archive_leave_none) {
    Store store = open();
    std::string tar = tar_of({file("f", "first"), file("f", "second"), hard_link("g", "f")});
    Layer layer = must(import(store, tar));
    EXPECT_EQ(layer.size, 6);
    EXPECT_THAT(entries(), SizeIs(1));
    EXPECT_EQ(read(store.layer_path(layer) + "/g"), "second");
}

TEST_F(PoolTest, an_entry_with_too_many_names_gets_a_successor) {
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
    EXPECT_THAT(entries(), SizeIs(1));
}

TEST_F(PoolTest, after_a_power_cut_nothing_unsynced_is_found) {
    {
        Store store = open();
        add_image(store, "kept", "kept");
        add_layer(store, "f", "lost");
    }
    EXPECT_THAT(entries(), SizeIs(2));
    // As if the machine had started anew since.
    {
        auto db = must(Database::open(root + "/crank.db"));
        must(db.run("UPDATE layer SET boot = 'earlier' WHERE boot IS NOT NULL"));
    }
    write(root + "/o/unsynced", "earlier");
    auto o = must(sys::open_dir(root + "/o"));
    std::filesystem::create_directory(root + "/o/ff");
    write(root + "/o/ff/" + std::string(62, 'f'), "of a tree that nobody named");
    Store store = open();
    EXPECT_THAT(entries(), SizeIs(1));
    EXPECT_FALSE(sys::exists(root + "/o/unsynced"));
    Layer again = must(import(store, tar_of({file("f", "lost")})));
    EXPECT_EQ(read(store.layer_path(again) + "/f"), "lost");
    EXPECT_TRUE(sys::exists(root + "/o/unsynced"));
}

TEST_F(PoolTest, names_are_parsed_as_they_are_made) {
    for (std::uint32_t turn : {0u, 1u, 70'000u}) {
        PoolKey key{oci::Digest::of("x"), turn};
        std::string path = key.path();
        EXPECT_EQ(must(PoolKey::parse(path.substr(0, 2) + path.substr(3))), key);
    }
    std::string hex = oci::Digest::of("x").hex();
    for (const std::string& bad : {std::string("x"), hex + "x", hex + ".", hex + ".0", hex + ".-1"})
        EXPECT_EQ(code_of(PoolKey::parse(bad)), Code::invalid_argument) << bad;
}

}  // namespace
}  // namespace crank::store
