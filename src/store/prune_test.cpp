// What the store holds, and what of it can go.
#include "store/prune.h"

#include "store/test_support.h"
#include "sys/file.h"

namespace crank::store {
namespace {

using namespace test;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t kBig = std::size_t{1} << 20;

class PruneTest : public testing::Test {
protected:
    std::string content(char c) { return std::string(kBig, c); }
    // Its configuration, which the database keeps, is small.
    Image image(const std::string& tag, char c) {
        oci::Digest layer = add_layer(*store, "file", content(c));
        Image made = must(store->add_image(config_of({layer}, std::string(1, c))));
        if (!tag.empty()) must(store->tag(must(oci::Reference::parse(tag)), made.id));
        return made;
    }
    oci::Digest cached(char c) {
        auto key = oci::Digest::of(std::string(1, c));
        must(store->cache_put(key, {add_layer(*store, "f", content(c)), ""}));
        return key;
    }
    // Another command: this object protects what it has made.
    void reopen() {
        store.reset();
        store.emplace(must(Store::open(root, OpenMode::read_write)));
    }
    std::int64_t total() {
        DiskUse disk;
        return must(disk.add(root));
    }
    std::vector<oci::Digest> keys() {
        std::vector<oci::Digest> out;
        for (const CacheUse& use : must(store->cache_list())) out.push_back(use.key);
        return out;
    }

    TempDir temp;
    std::string root = temp / "store";
    std::optional<Store> store = must(Store::open(root, OpenMode::read_write));
};

TEST_F(PruneTest, usage_adds_up_and_counts_each_file_once) {
    Image used = image("used", 'a');
    Image same = image("same", 'a');
    Image other = image("other", 'b');
    cached('c');
    // Two layers of one content, at different paths.
    must(store->cache_put(oci::Digest::of("d"), {add_layer(*store, "copy", content('a')), ""}));
    DiskUse disk;
    Usage usage = must(measure(*store, {used.id.str()}, disk));
    auto big = static_cast<std::int64_t>(kBig);
    EXPECT_GE(usage.images, 2 * big);
    EXPECT_LT(usage.images, 3 * big);
    EXPECT_GE(usage.unused_images, big);
    EXPECT_LT(usage.unused_images, 2 * big);
    EXPECT_LT(usage.cache, 2 * big) << "the second entry's file is an image's";
    EXPECT_EQ(usage.image_count, 2u) << "the first two are one image";
    EXPECT_EQ(usage.used_image_count, 1u);
    EXPECT_EQ(usage.cache_count, 2u);
    std::int64_t left = must(disk.add(root));
    EXPECT_EQ(usage.images + usage.cache + usage.rest + left, total());
}

TEST_F(PruneTest, takes_what_has_no_name_and_what_no_image_shares) {
    Image kept = image("kept", 'a');
    Image untagged = image("", 'b');
    Image needed = image("", 'c');
    cached('d');
    must(store->cache_put(oci::Digest::of("gone"), {untagged.config.diff_ids[0], ""}));
    auto kept_key = oci::Digest::of("kept");
    must(store->cache_put(kept_key, {kept.config.diff_ids[0], ""}));
    reopen();
    Pruned pruned = must(prune(*store, {.in_use = {needed.id.str()}}));
    EXPECT_THAT(pruned.images, ElementsAre("Deleted: " + untagged.id.str()));
    EXPECT_EQ(pruned.cache_entries, 2u);
    EXPECT_GE(pruned.bytes, 2 * static_cast<std::int64_t>(kBig));
    EXPECT_THAT(keys(), ElementsAre(kept_key));
    EXPECT_THAT(must(store->list()), SizeIs(2));
}

TEST_F(PruneTest, all_takes_images_with_names_but_none_that_is_used_or_pinned) {
    Image used = add_image(*store, "used", "a"), pinned = add_image(*store, "pinned", "b");
    Image idle = add_image(*store, "idle", "c");
    must(store->tag(must(oci::Reference::parse("idle:2")), idle.id));
    Pin pin = must(store->pin(pinned));
    Pruned pruned = must(prune(*store, {.tagged_too = true, .in_use = {used.id.str()}}));
    EXPECT_THAT(pruned.images, ElementsAre("Untagged: idle:2", "Untagged: idle:latest",
                                           "Deleted: " + idle.id.str()));
    EXPECT_THAT(must(store->list()), SizeIs(2));
}

TEST_F(PruneTest, until_keeps_what_is_younger) {
    add_image(*store, "", "a");
    cached('b');
    reopen();
    auto now = std::chrono::system_clock::now();
    Pruned pruned = must(prune(*store, {.before = now - 1h}));
    EXPECT_THAT(pruned.images, IsEmpty());
    EXPECT_EQ(pruned.cache_entries, 0u);
    pruned = must(prune(*store, {.before = now + 1h}));
    EXPECT_THAT(pruned.images, SizeIs(1));
    EXPECT_EQ(pruned.cache_entries, 1u);
}

TEST_F(PruneTest, the_limit_takes_the_oldest_cache_first_then_images_without_a_name) {
    image("kept", 'a');
    Image untagged = image("", 'b');
    cached('c');
    auto newest = cached('d');
    reopen();
    std::int64_t all = total();
    EXPECT_EQ(must(keep_below(*store, all, {}, {})).bytes, 0);
    Pruned pruned = must(keep_below(*store, all - 1, {}, {}));
    EXPECT_EQ(pruned.cache_entries, 1u);
    EXPECT_THAT(keys(), ElementsAre(newest));
    EXPECT_LE(total(), all - 1);
    std::int64_t little = 5 * static_cast<std::int64_t>(kBig) / 2;
    pruned = must(keep_below(*store, little, {}, {}));
    EXPECT_THAT(pruned.images, ElementsAre("Deleted: " + untagged.id.str()));
    EXPECT_THAT(keys(), IsEmpty());
    EXPECT_LE(total(), little);
    must(store->find("kept"));
}

TEST_F(PruneTest, the_limit_takes_nothing_that_is_needed_and_says_how_much_that_is) {
    image("kept", 'a');
    Image used = image("", 'b');
    cached('c');
    reopen();
    auto result = keep_below(*store, 1000, {used.id.str()}, {});
    ASSERT_EQ(code_of(result), Code::exhausted);
    EXPECT_THAT(text_of(result), HasSubstr("storage.max is 1kB"));
    EXPECT_THAT(result.error().hint(), HasSubstr("crank rmi"));
    EXPECT_THAT(keys(), IsEmpty()) << "what could go has gone";
    EXPECT_THAT(must(store->list()), SizeIs(2));
}

TEST_F(PruneTest, the_limit_leaves_what_another_command_is_making) {
    Store other = must(Store::open(root, OpenMode::read_write));
    auto making = add_layer(other, "f", content('m'));
    (void)keep_below(*store, 1000, {}, {});
    EXPECT_TRUE(must(other.find_layer(making)));
    must(other.add_image(config_of({making})));
}

}  // namespace
}  // namespace crank::store
