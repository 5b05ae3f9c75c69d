#include "store/store.h"

#include <algorithm>
#include <filesystem>

#include "store/database.h"
#include "store/schema.h"
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

class StoreTest : public testing::Test {
protected:
    Store open() { return must(Store::open(root, OpenMode::read_write)); }

    TempDir temp;
    std::string root = temp / "store";
};

TEST_F(StoreTest, is_made_by_the_first_writer) {
    EXPECT_EQ(code_of(Store::open(root, OpenMode::read_only)), Code::not_found);
    EXPECT_FALSE(sys::exists(root));
    { Store store = open(); }
    Store reader = must(Store::open(root, OpenMode::read_only));
    EXPECT_THAT(must(reader.list()), IsEmpty());
    EXPECT_EQ(read(root + "/format"), std::to_string(kFormat) + "\n");
}

TEST_F(StoreTest, refuses_another_format) {
    { Store store = open(); }
    write(root + "/format", std::to_string(kFormat + 1) + "\n");
    EXPECT_EQ(code_of(Store::open(root, OpenMode::read_only)), Code::unsupported);
    EXPECT_EQ(code_of(Store::open(root, OpenMode::read_write)), Code::unsupported);
    write(root + "/format", "x");
    EXPECT_EQ(code_of(Store::open(root, OpenMode::read_only)), Code::corrupt);
}

// A store of format 1: what that crank made, without what came later.
void make_old(const std::string& root) {
    auto db = must(Database::open(root + "/crank.db"));
    must(db.script(
        "DROP TABLE tag_history; DROP TABLE merged; DROP TABLE replaced; DROP TABLE manifest; "
        "DROP TABLE blob_place; DROP TABLE blob; ALTER TABLE cache DROP COLUMN used; "
        "ALTER TABLE layer DROP COLUMN damaged; "
        "PRAGMA user_version=0"));
    write(root + "/format", "1\n");
    must(sys::remove_file(root + "/index"));
    // What formats 3 to 5 had.
    must(sys::make_dirs(root + "/o/ab"));
    write(root + "/o/ab/" + std::string(62, 'c'), "a");
    for (const std::string& number : must(sys::list_dir(root + "/l"))) {
        must(sys::remove_file(root + "/l/" + number + "/files"));
        write(root + "/l/" + number + "/keys", std::string(36, 'k'));
    }
}

TEST_F(StoreTest, reads_an_older_store_and_brings_it_up_to_date) {
    Image image;
    {
        Store store = open();
        image = add_image(store, "app", "a");
    }
    make_old(root);
    auto reference = must(oci::Reference::parse("app"));
    for (const char* point : {"store.upgrade.before_commit", "store.upgrade.before_format"})
        EXPECT_TRUE(killed_at(point, [&] { must(Store::open(root, OpenMode::read_only)); }))
            << point;
    EXPECT_EQ(must(must(Store::open(root, OpenMode::read_only)).find("app")).id, image.id);
    Store store = open();
    EXPECT_EQ(read(root + "/format"), std::to_string(kFormat) + "\n");
    ASSERT_THAT(must(store.history(reference)), SizeIs(1));
    EXPECT_EQ(must(store.history(reference))[0].image, image.id);
    EXPECT_FALSE(sys::exists(root + "/o"));
    EXPECT_FALSE(sys::exists(root + "/l/1/keys"));
    // Layers without a list work, and go, as others do.
    EXPECT_EQ(read(root + "/" + must(store.find("app")).layers.lower[0] + "/file"), "a");
    must(store.remove("app"));
    EXPECT_EQ(count(root + "/l"), 0u);
}

TEST_F(StoreTest, a_tag_keeps_its_history) {
    Store store = open();
    Image one = add_image(store, "app", "1"), two = add_image(store, "app", "2");
    auto reference = must(oci::Reference::parse("app"));
    must(store.tag(reference, two.id));  // no change
    must(store.tag(reference, one.id));
    auto history = must(store.history(reference));
    ASSERT_THAT(history, SizeIs(3));
    EXPECT_EQ(history[0].image, one.id);
    EXPECT_FALSE(history[0].to);
    EXPECT_EQ(history[1].image, two.id);
    EXPECT_EQ(history[1].to, history[0].from);
    EXPECT_EQ(history[2].image, one.id);
    // It keeps no image alive, and says so.
    must(store.remove(two.id.str()));
    EXPECT_FALSE(must(store.history(reference))[1].present);
    must(store.remove("app"));
    EXPECT_TRUE(must(store.history(reference))[0].to);
    EXPECT_THAT(must(store.history(must(oci::Reference::parse("other")))), IsEmpty());
}

TEST_F(StoreTest, the_history_of_a_tag_is_bounded) {
    Store store = open();
    auto reference = must(oci::Reference::parse("app"));
    oci::Digest last;
    for (int i = 0; i < 25; ++i) {
        last = must(store.add_image(config_of({}, std::to_string(i)))).id;
        must(store.tag(reference, last));
    }
    auto history = must(store.history(reference));
    ASSERT_THAT(history, SizeIs(20));
    EXPECT_EQ(history.front().image, last);
}

TEST_F(StoreTest, finds_images_by_every_kind_of_name) {
    Store store = open();
    Image image = add_image(store, "python:3.11-slim", "a");
    must(store.tag(must(oci::Reference::parse("localhost/p")), image.id));
    Store reader = must(Store::open(root, OpenMode::read_only));
    for (std::string name :
         {std::string("python:3.11-slim"), std::string("docker.io/library/python:3.11-slim"),
          std::string("localhost/p"), image.id.str(), image.id.hex(), image.id.short_hex(),
          "sha256:" + image.id.short_hex(), "whatever@" + image.id.str()}) {
        Image found = must(reader.find(name));
        EXPECT_EQ(found.id, image.id) << name;
        EXPECT_THAT(found.tags,
                    ElementsAre("docker.io/library/python:3.11-slim", "localhost/p:latest"));
        EXPECT_EQ(found.size, 1);
        ASSERT_THAT(found.layers.lower, SizeIs(1));
        EXPECT_EQ(read(found.layers.base + "/" + found.layers.lower[0] + "/file"), "a");
    }
}

TEST_F(StoreTest, writes_nothing_to_find_an_image) {
    {
        Store store = open();
        add_image(store, "app", "a");
    }
    auto state = [&] {
        std::vector<std::string> out;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
            auto info = must(sys::lstat(entry.path().string()));
            out.push_back(entry.path().string() + " " + std::to_string(info.mtime_ns));
        }
        std::ranges::sort(out);
        return out;
    };
    auto before = state();
    {
        Store reader = must(Store::open(root, OpenMode::read_only));
        Pin pin = must(reader.pin(must(reader.find("app"))));
        EXPECT_EQ(state(), before);
    }
    EXPECT_EQ(state(), before);
}

TEST_F(StoreTest, says_what_is_wrong_with_a_name) {
    Store store = open();
    Image image = add_image(store, "crank-worker:latest", "a");
    auto missing = store.find("crank-wroker");
    EXPECT_EQ(code_of(missing), Code::not_found);
    EXPECT_THAT(missing.error().hint(), HasSubstr("crank-worker:latest"));
    EXPECT_EQ(code_of(store.find("Python")), Code::invalid_argument);
    EXPECT_EQ(code_of(store.find(std::string(64, '0'))), Code::not_found);
    // Seventeen images: two of them begin with the same digit.
    for (int i = 0; i < 16; ++i) must(store.add_image(config_of({}, std::to_string(i))));
    int ambiguous = 0;
    for (char c : std::string("0123456789abcdef"))
        if (auto found = store.find(std::string(1, c)); !found)
            ambiguous += found.error().code() == Code::invalid_argument ? 1 : 0;
    EXPECT_GE(ambiguous, 1);
}

TEST_F(StoreTest, orders_layers_top_first) {
    Store store = open();
    auto low = add_layer(store, "low", "1"), high = add_layer(store, "high", "2");
    Image image = must(store.add_image(config_of({low, high})));
    ASSERT_THAT(image.layers.lower, SizeIs(2));
    EXPECT_EQ(read(root + "/" + image.layers.lower[0] + "/high"), "2");
    std::vector<oci::Digest> ids{low, high};
    EXPECT_EQ(must(store.stack(ids)).lower, image.layers.lower);
    EXPECT_EQ(must(store.config_json(image.id)), config_of({low, high}));
    ids.push_back(oci::Digest::of("x"));
    EXPECT_EQ(code_of(store.stack(ids)), Code::not_found);
}

// An overlay takes no directory twice; of the two the upper one says everything.
TEST_F(StoreTest, mounts_a_layer_once_that_an_image_has_twice) {
    Store store = open();
    auto twice = add_layer(store, "twice", "1"), other = add_layer(store, "other", "2");
    Image image = must(store.add_image(config_of({twice, other, twice})));
    ASSERT_THAT(image.layers.lower, SizeIs(2));
    EXPECT_EQ(read(root + "/" + image.layers.lower[0] + "/twice"), "1");
    EXPECT_EQ(read(root + "/" + image.layers.lower[1] + "/other"), "2");
}

TEST_F(StoreTest, refuses_an_image_whose_layer_is_missing) {
    Store store = open();
    EXPECT_EQ(code_of(store.add_image(config_of({oci::Digest::of("x")}))), Code::not_found);
    EXPECT_EQ(code_of(store.add_image("{}")), Code::corrupt);
    EXPECT_THAT(must(store.list()), IsEmpty());
}

TEST_F(StoreTest, adds_an_image_twice_without_an_error) {
    Store store = open();
    Image first = must(store.add_image(config_of({})));
    Image again = must(store.add_image(config_of({})));
    EXPECT_EQ(first.number, again.number);
    EXPECT_THAT(must(store.list()), SizeIs(1));
}

TEST_F(StoreTest, moves_a_tag) {
    Store store = open();
    Image old_image = add_image(store, "app", "1"), new_image = add_image(store, "app", "2");
    EXPECT_EQ(must(store.find("app")).id, new_image.id);
    EXPECT_THAT(must(store.find(old_image.id.str())).tags, IsEmpty());
    auto reference = must(oci::Reference::parse("app"));
    EXPECT_EQ(code_of(store.tag(reference, oci::Digest::of("x"))), Code::not_found);
    EXPECT_EQ(
        code_of(store.tag(must(oci::Reference::parse("a@" + new_image.id.str())), new_image.id)),
        Code::invalid_argument);
}

TEST_F(StoreTest, removes_the_image_with_its_last_tag_and_its_layers) {
    Store store = open();
    Image image = add_image(store, "app:1", "a");
    must(store.tag(must(oci::Reference::parse("app:2")), image.id));
    EXPECT_EQ(code_of(store.remove(image.id.str())), Code::in_use);
    EXPECT_THAT(must(store.remove("app:1")), ElementsAre("Untagged: app:1"));
    EXPECT_EQ(count(root + "/l"), 1u);
    EXPECT_THAT(must(store.remove("app:2")),
                ElementsAre("Untagged: app:2", "Deleted: " + image.id.str()));
    EXPECT_EQ(code_of(store.find("app:2")), Code::not_found);
    EXPECT_EQ(count(root + "/l"), 0u);
    EXPECT_EQ(count(root + "/tmp"), 0u);
    EXPECT_EQ(code_of(store.remove("app:2")), Code::not_found);
}

TEST_F(StoreTest, removes_by_id) {
    Store store = open();
    Image image = add_image(store, "app", "a");
    EXPECT_THAT(must(store.remove(image.id.short_hex())),
                ElementsAre("Untagged: app:latest", "Deleted: " + image.id.str()));
}

TEST_F(StoreTest, keeps_layers_that_another_image_or_the_cache_needs) {
    Store store = open();
    auto shared = add_layer(store, "shared", "1"), cached = add_layer(store, "cached", "2");
    Image one = must(store.add_image(config_of({shared, cached}, "1")));
    Image two = must(store.add_image(config_of({shared}, "2")));
    auto key = oci::Digest::of("key");
    must(store.cache_put(key, {cached, "metadata"}));
    must(store.remove(one.id.str()));
    EXPECT_EQ(count(root + "/l"), 2u);
    auto entry = must(store.cache_find(key));
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->layer, cached);
    EXPECT_EQ(entry->metadata, "metadata");
    EXPECT_FALSE(must(store.cache_find(oci::Digest::of("other"))));
    // Another process clears: this object has just found the entry's layer.
    EXPECT_FALSE(killed_at("", [&] { must(open().cache_clear()); }));
    EXPECT_EQ(count(root + "/l"), 2u);
    must(must(Store::open(root, OpenMode::read_write)).collect());
    EXPECT_EQ(count(root + "/l"), 2u);
    { Store closed = std::move(store); }
    must(open().collect());
    EXPECT_EQ(count(root + "/l"), 1u);
}

TEST_F(StoreTest, keeps_a_pinned_image) {
    Store store = open();
    Image image = add_image(store, "app", "a");
    {
        Pin pin = must(must(Store::open(root, OpenMode::read_only)).pin(image));
        EXPECT_EQ(code_of(store.remove("app")), Code::in_use);
        EXPECT_EQ(must(store.find("app")).id, image.id);
        Pin second = must(store.pin(image));
    }
    must(store.remove("app"));
    EXPECT_EQ(code_of(store.pin(image)), Code::not_found);
}

TEST_F(StoreTest, commits_the_same_tree_once) {
    Store store = open();
    auto first = add_layer(store, "f", "x");
    auto number = must(store.find_layer(first))->number;
    EXPECT_EQ(add_layer(store, "f", "x"), first);
    EXPECT_EQ(must(store.find_layer(first))->number, number);
    EXPECT_EQ(count(root + "/l"), 1u);
    EXPECT_EQ(count(root + "/tmp"), 0u);
}

TEST_F(StoreTest, clamps_or_sets_times) {
    Store store = open();
    for (bool set_all : {false, true}) {
        Staging staging = must(store.stage());
        for (const char* name : {"old", "new"}) write(staging.upper() + "/" + name, "x");
        std::filesystem::create_symlink("old", staging.upper() + "/link");
        auto upper = must(sys::open_dir(staging.upper()));
        must(sys::set_mtime_at(upper.get(), "old", 500, 5));
        must(sys::set_mtime_at(upper.get(), "new", 5000, 5));
        auto layer = must(store.commit(std::move(staging), {1000, set_all}));
        auto tree = must(sys::open_dir(store.layer_path(layer)));
        auto time = [&](const char* name) {
            auto attributes = must(sys::attributes_at(tree.get(), name));
            EXPECT_EQ(attributes.mtime_ns, 0u);
            return attributes.mtime;
        };
        EXPECT_EQ(time("old"), set_all ? 1000 : 500);
        EXPECT_EQ(time("new"), 1000);
        EXPECT_EQ(time("link"), 1000);
        EXPECT_EQ(time(""), 0);
    }
}

TEST_F(StoreTest, writes_the_tar_of_a_layer_again) {
    Store store = open();
    auto id = add_layer(store, "f", "content");
    auto out = must(sys::open_dir(temp.path()));
    auto file_fd = must(sys::create_file_at(out.get(), "out.tar", 0600));
    must(store.write_layer_tar(id, file_fd.get()));
    EXPECT_EQ(oci::Digest::of(read(temp / "out.tar")), id);
    auto layer = *must(store.find_layer(id));
    EXPECT_EQ(layer.tar_size, static_cast<std::int64_t>(read(temp / "out.tar").size()));
    write(store.layer_path(layer) + "/f", "chANGED");
    auto again = must(sys::create_file_at(out.get(), "again.tar", 0600));
    EXPECT_EQ(code_of(store.write_layer_tar(id, again.get())), Code::corrupt);
    EXPECT_EQ(code_of(store.write_layer_tar(oci::Digest::of("x"), again.get())), Code::not_found);
}

TEST_F(StoreTest, drops_a_staging_that_is_not_committed) {
    Store store = open();
    {
        Staging staging = must(store.stage());
        write(staging.upper() + "/f", "x");
        Staging moved = std::move(staging);
        EXPECT_EQ(count(root + "/tmp"), 1u);
        { Store other = open(); }  // sweeps, and leaves what has an owner
        EXPECT_TRUE(sys::exists(moved.upper() + "/f"));
    }
    EXPECT_EQ(count(root + "/tmp"), 0u);
}

TEST_F(StoreTest, forgets_layers_that_a_power_cut_may_have_damaged) {
    oci::Digest lost, kept;
    auto key = oci::Digest::of("key");
    {
        Store store = open();
        kept = add_image(store, "app", "kept").config.diff_ids.at(0);
        lost = add_layer(store, "f", "lost");
        must(store.cache_put(key, {lost, ""}));
    }
    // As if the machine had started anew since: the layer's row names a boot that is over.
    {
        auto db = must(Database::open(root + "/crank.db"));
        must(db.run("UPDATE layer SET boot = 'earlier' WHERE boot IS NOT NULL"));
    }
    Store store = open();
    EXPECT_TRUE(must(store.find_layer(kept)));
    EXPECT_FALSE(must(store.find_layer(lost)));
    EXPECT_FALSE(must(store.cache_find(key)));
    EXPECT_EQ(count(root + "/l"), 1u);
}

}  // namespace
}  // namespace crank::store
