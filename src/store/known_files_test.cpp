#include "store/known_files.h"

#include "store/test_support.h"
#include "sys/file.h"

namespace crank::store {
namespace {

using namespace test;

class KnownFilesTest : public testing::Test {
protected:
    KnownFilesTest() {
        for (const char* tree : {"one", "two"}) must(sys::make_dirs(temp / tree + "/usr/bin"));
        write(temp / "one/usr/bin/x", "first");
        write(temp / "two/usr/bin/x", "other");
        write(temp / "two/usr/y", "second");
        write(temp / "secret", "secret");
        must(sys::make_symlink("../../secret", temp / "one/usr/up"));
        must(sys::make_symlink("usr", temp / "one/link"));
        known.emplace(std::vector{temp / "one", temp / "absent", temp / "two"});
    }
    std::string found(const std::string& name, const std::string& content) {
        auto place =
            known->find(name, static_cast<std::int64_t>(content.size()), oci::Digest::of(content));
        if (!place) return "nothing";
        auto bytes = must(known->open(*place));
        return must(read_all(*bytes, 1000, name));
    }

    TempDir temp;
    std::optional<KnownFiles> known;
};

TEST_F(KnownFilesTest, FindsByPathAndContentInAnyOfTheLayers) {
    EXPECT_EQ(found("usr/bin/x", "first"), "first");
    EXPECT_EQ(found("./usr/bin/x", "other"), "other");
    EXPECT_EQ(found("/usr//bin/./x", "first"), "first");
    EXPECT_EQ(found("usr/y", "second"), "second");
    EXPECT_EQ(found("link/bin/x", "first"), "first");
}

TEST_F(KnownFilesTest, WhatDiffersOrLeadsElsewhereIsNotFound) {
    EXPECT_EQ(found("usr/bin/x", "third"), "nothing");
    EXPECT_EQ(found("usr/bin/x", "firs"), "nothing");
    EXPECT_EQ(found("usr/bin/y", "second"), "nothing");
    EXPECT_EQ(found("usr/up", "secret"), "nothing");
    EXPECT_EQ(found("../secret", "secret"), "nothing");
    EXPECT_EQ(found("usr/../../secret", "secret"), "nothing");
    EXPECT_EQ(found("usr", ""), "nothing");
    EXPECT_EQ(found("usr/bin/", "first"), "nothing");
    EXPECT_EQ(found("", "first"), "nothing");
}

TEST_F(KnownFilesTest, AfterTooMuchThatDiffersNothingIsFound) {
    known.emplace(std::vector{temp / "one", temp / "two"}, 14);
    EXPECT_EQ(found("usr/bin/x", "third"), "nothing");  // two files of 5 bytes differ
    EXPECT_EQ(found("usr/bin/x", "other"), "nothing");  // one is left out, one is too much
    EXPECT_EQ(found("usr/bin/x", "firs"), "nothing");   // of another size: not read
    known.emplace(std::vector{temp / "one", temp / "two"}, 15);
    EXPECT_EQ(found("usr/bin/x", "third"), "nothing");
    EXPECT_EQ(found("usr/bin/x", "first"), "first");
}

TEST_F(KnownFilesTest, TheLayersOfTheRepositoryComeBeforeTheNewest) {
    auto store = must(Store::open(temp / "root", OpenMode::read_write));
    EXPECT_TRUE(must(store.known_files("host/a")).empty());
    Image image = add_image(store, "a:1", "content");
    EXPECT_FALSE(must(store.known_files("host/a")).empty());
    must(store.record_manifest(image.id, {"host/a", oci::Digest::of("{}"), "type", "{}"}, {}));
    for (int i = 0; i < 20; ++i) add_image(store, "b:" + std::to_string(i), std::to_string(i));
    auto find_in = [&](const std::string& repository) {
        auto files = must(store.known_files(repository));
        return files.find("file", 7, oci::Digest::of("content")).has_value();
    };
    EXPECT_TRUE(find_in("host/a"));
    EXPECT_FALSE(find_in("host/b"));
}

}  // namespace
}  // namespace crank::store
