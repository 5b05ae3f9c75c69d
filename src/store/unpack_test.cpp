// Layers that came as tars, most of them hostile.
#include "store/unpack.h"

#include "store/overlay.h"
#include "store/test_support.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {
namespace {

using namespace test;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class UnpackTest : public testing::Test {
protected:
    Result<Layer> import(const std::string& tar) {
        write(temp / "layer.tar", tar);
        return store.import_tar(temp / "layer.tar", oci::Digest::of(tar));
    }
    std::string tree(const std::string& tar) { return store.layer_path(must(import(tar))); }
    // What is imported can be written again, byte for byte.
    void expect_same_bytes(const std::string& tar) {
        auto dir = must(sys::open_dir(temp.path()));
        (void)sys::remove_file(temp / "again.tar");
        auto fd = must(sys::create_file_at(dir.get(), "again.tar", 0600));
        must(store.write_layer_tar(oci::Digest::of(tar), fd.get()));
        EXPECT_TRUE(read(temp / "again.tar") == tar);
    }
    void expect_clean() {
        EXPECT_EQ(count(temp / "store/l"), 0u);
        EXPECT_EQ(count(temp / "store/tmp"), 0u);
    }

    TempDir temp;
    Store store = must(Store::open(temp / "store", OpenMode::read_write));
};

TEST_F(UnpackTest, makes_every_kind_of_file) {
    SKIP_UNLESS_ROOT();
    Item suid = file("bin/su", "su");
    suid.entry.mode = 04755;
    suid.entry.uid = 1000;
    suid.entry.xattrs = {{"user.note", "x"},
                         {"trusted.overlay.opaque", "y"},
                         {"user.overlay.opaque", "y"},
                         {"security.selinux", "z"}};
    Item fifo = dir("fifo");
    fifo.entry.kind = TarKind::fifo;
    Item root = dir("./");
    root.entry.mode = 0700;
    std::string tar = tar_of(
        {root, dir("bin/"), suid, symlink("link", "/etc/passwd"), hard_link("hard", "bin/su"), fifo,
         device("null", TarKind::char_device, 1, 3), device("disk", TarKind::block_device, 8, 0),
         file("/absolute", "a"), file("./implicit/deep/f", "f")});
    std::string at = tree(tar);
    EXPECT_THAT(
        listing(at),
        ElementsAre("absolute file 0644 0:0 1", "bin dir 0755 0:0", "bin/su file 4755 1000:0 2",
                    "disk block 0600 0:0 8,0", "fifo fifo 0755 0:0", "hard file 4755 1000:0 2",
                    "implicit dir 0755 0:0", "implicit/deep dir 0755 0:0",
                    "implicit/deep/f file 0644 0:0 1", "link link 0777 0:0 /etc/passwd",
                    "null char 0600 0:0 1,3"));
    auto bin = must(sys::open_dir(at + "/bin"));
    EXPECT_THAT(must(sys::list_xattrs_at(bin.get(), "su")), ElementsAre("user.note"));
    EXPECT_EQ(must(sys::attributes_at(bin.get(), "su")).mtime, 1'000'000'000);
    EXPECT_EQ(must(sys::attributes_at(bin.get(), "")).mtime, 1'000'000'000);
    auto top = must(sys::open_dir(at));
    EXPECT_EQ(must(sys::attributes_at(top.get(), "")).mode & 07777, 0755u) << "the root entry";
    EXPECT_EQ(must(sys::attributes_at(top.get(), "implicit")).mtime, 0);
    expect_same_bytes(tar);
}

TEST_F(UnpackTest, reads_gzip_and_zstd) {
    std::string tar = tar_of({file("f", "content")});
    write(temp / "layer.tar", gzip(tar));
    must(store.import_tar(temp / "layer.tar", oci::Digest::of(tar)));
    expect_same_bytes(tar);
    std::string other = tar_of({file("g", std::string(300'000, 'x'))});
    write(temp / "layer.tar", zstd(other));
    must(store.import_tar(temp / "layer.tar", oci::Digest::of(other)));
    expect_same_bytes(other);
}

TEST_F(UnpackTest, turns_whiteouts_into_the_overlay_form) {
    SKIP_UNLESS_ROOT();
    std::string tar = tar_of({
        dir("d/"),
        file("d/.wh..wh..opq", ""),
        file("d/new", "n"),
        file(".wh.gone", ""),
        file("deep/er/.wh.gone", ""),
        // The layer deletes what is below and brings its own.
        file(".wh.replaced", ""),
        dir("replaced/"),
        file("replaced/f", ""),
        file("own", "o"),
        file(".wh.own", ""),
        file(".wh..wh.plnk", ""),
    });
    std::string at = tree(tar);
    EXPECT_THAT(listing(at),
                ElementsAre("d dir 0755 0:0", "d/new file 0644 0:0 1", "deep dir 0755 0:0",
                            "deep/er dir 0755 0:0", "deep/er/gone char 0000 0:0 0,0",
                            "gone char 0000 0:0 0,0", "own file 0644 0:0 1",
                            "replaced dir 0755 0:0", "replaced/f file 0644 0:0 0"));
    auto top = must(sys::open_dir(at));
    for (const char* name : {"d", "replaced"})
        EXPECT_EQ(must(sys::get_xattr_at(top.get(), name, kOpaqueXattrs[0])), "y") << name;
    expect_same_bytes(tar);
}

// What crank writes, it reads as the same tree.
TEST_F(UnpackTest, is_the_inverse_of_the_writer) {
    SKIP_UNLESS_ROOT();
    Staging staging = must(store.stage());
    std::filesystem::create_directories(staging.upper() + "/a/opaque");
    write(staging.upper() + "/a/f", "x", 06711);
    std::filesystem::create_hard_link(staging.upper() + "/a/f", staging.upper() + "/b");
    auto upper = must(sys::open_dir(staging.upper()));
    must(sys::make_node_at(upper.get(), "gone", S_IFCHR, 0, 0));
    must(sys::set_xattr_at(must(sys::open_dir(staging.upper() + "/a")).get(), "opaque",
                           kOpaqueXattrs[0], "y"));
    Layer built = must(store.commit(std::move(staging), {}));
    auto dir = must(sys::open_dir(temp.path()));
    auto fd = must(sys::create_file_at(dir.get(), "out.tar", 0600));
    must(store.write_layer_tar(built.diff_id, fd.get()));
    Store other = must(Store::open(temp / "other", OpenMode::read_write));
    Layer imported = must(other.import_tar(temp / "out.tar", built.diff_id));
    EXPECT_EQ(listing(other.layer_path(imported)), listing(store.layer_path(built)));
    EXPECT_EQ(must(write_layer_tar(other.layer_path(imported), {})).digest, built.diff_id);
    EXPECT_EQ(imported.size, built.size);
    EXPECT_EQ(imported.tar_size, built.tar_size);
}

TEST_F(UnpackTest, lets_the_last_of_two_entries_win) {
    std::string tar = tar_of({file("f", "old"), file("f", "new!"), dir("d/"), file("d/x", "x"),
                              dir("d/"), symlink("s", "f"), file("s", "no link"), dir("e/"),
                              file("e/x", ""), file("e", "no directory")});
    std::string at = tree(tar);
    EXPECT_EQ(read(at + "/f"), "new!");
    EXPECT_EQ(read(at + "/d/x"), "x");
    EXPECT_EQ(read(at + "/s"), "no link");
    EXPECT_EQ(read(at + "/e"), "no directory");
    expect_same_bytes(tar);
}

// Files are made behind the reader's back, by several threads: what comes later still wins, and
// finds what it needs.
TEST_F(UnpackTest, keeps_the_archives_order_where_it_matters) {
    std::vector<Item> items;
    std::vector<std::string> expected;
    for (int i = 0; i < 400; ++i) {
        std::string at = "d" + std::to_string(i % 3) + "/f" + std::to_string(i);
        items.push_back(file(at, "old " + std::to_string(i)));
        if (i % 50 == 7) items.push_back(file(at, "new"));
        if (i % 50 == 8) items.push_back(hard_link(at + ".link", at));
        if (i % 50 == 9) items.push_back(symlink(at, "elsewhere"));
        if (i % 50 == 10) items.push_back(file(at + ".d/implied", "x"));
    }
    items.push_back(symlink("alias", "d0"));
    items.push_back(file("alias/f0", "by another name"));
    std::string tar = tar_of(items);
    std::string at = tree(tar);
    for (int i = 0; i < 400; ++i) {
        std::string path = at + "/d" + std::to_string(i % 3) + "/f" + std::to_string(i);
        if (i % 50 == 9) {
            EXPECT_TRUE(must(sys::lstat(path)).is_symlink()) << i;
            continue;
        }
        std::string content = "old " + std::to_string(i);
        if (i % 50 == 7) content = "new";
        if (i == 0) content = "by another name";
        EXPECT_EQ(read(path), content);
        if (i % 50 == 8) {
            EXPECT_EQ(read(path + ".link"), content);
        }
        if (i % 50 == 10) {
            EXPECT_EQ(read(path + ".d/implied"), "x");
        }
    }
    expect_same_bytes(tar);
}

TEST_F(UnpackTest, sees_names_come_again_in_a_large_layer) {
    std::vector<Item> items;
    for (int i = 0; i < 17'000; ++i)
        items.push_back(file("d" + std::to_string(i / 1000) + "/" + std::to_string(i), ""));
    items.push_back(file("d0/0", "late"));
    items.push_back(dir("d1/1000"));
    std::string tar = tar_of(items);
    std::string at = tree(tar);
    EXPECT_EQ(read(at + "/d0/0"), "late");
    EXPECT_TRUE(must(sys::lstat(at + "/d1/1000")).is_dir());
    expect_same_bytes(tar);
}

TEST_F(UnpackTest, names_the_file_that_a_thread_could_not_make) {
    std::vector<Item> items;
    for (int i = 0; i < 300; ++i) items.push_back(file("d/" + std::to_string(i), "x"));
    items.push_back(file("d/" + std::string(300, 'n'), "x"));
    for (int i = 300; i < 600; ++i) items.push_back(file("d/" + std::to_string(i), "x"));
    auto result = import(tar_of(items));
    EXPECT_EQ(code_of(result), Code::corrupt);
    EXPECT_THAT(text_of(result), HasSubstr("entry 'd/nnnn"));
    expect_clean();
}

TEST_F(UnpackTest, stays_inside_whatever_links_say) {
    std::filesystem::create_directory(temp / "outside");
    write(temp / "outside/canary", "untouched", 0600);
    std::string outside = temp / "outside";
    std::string at = tree(tar_of({
        dir(outside),
        symlink("abs", outside),
        file("abs/planted", "x"),
        symlink("rel", "../../../../../../../../../../" + outside),
        dir("rel/planted-dir/"),
        symlink("file", outside + "/canary"),
        file("file", "overwritten"),
        symlink("mode", outside),
        dir("mode/"),
        symlink("up", "../.."),
        file("up/planted2", "x"),
        hard_link("linked", "rel/planted"),
    }));
    EXPECT_THAT(must(sys::list_dir(outside)), ElementsAre("canary"));
    EXPECT_EQ(read(outside + "/canary"), "untouched");
    EXPECT_EQ(must(sys::lstat(outside + "/canary")).mode & 07777, 0600u);
    // As a process with that root would have it.
    EXPECT_EQ(read(at + outside + "/planted"), "x");
    EXPECT_TRUE(must(sys::lstat(at + outside + "/planted-dir")).is_dir());
    EXPECT_EQ(read(at + "/linked"), "x");
    EXPECT_EQ(read(at + "/planted2"), "x");
    EXPECT_TRUE(must(sys::lstat(at + "/mode")).is_dir());
}

struct Bad {
    std::string what;
    std::vector<Item> items;
    std::string names;
    Code code = Code::corrupt;
};

TEST_F(UnpackTest, refuses_bad_entries) {
    std::string deep;
    for (int i = 0; i < 257; ++i) deep += "d/";
    Item sized = dir("d/");
    sized.entry.size = 512;
    sized.content = std::string(512, 'x');
    for (const Bad& c : {
             Bad{"a path with ..", {file("a/../../b", "x")}, "leads out"},
             Bad{"a plain ..", {dir("..")}, "leads out"},
             Bad{"a root that is a link", {symlink(".", "/etc")}, "root is not a directory"},
             Bad{"a root that is a file", {file(".", "")}, "root"},
             Bad{"a hard link to a host file",
                 {hard_link("h", "/etc/passwd")},
                 "not in this layer"},
             Bad{"a hard link with ..", {hard_link("h", "../../../etc/passwd")}, "leads out"},
             Bad{"a hard link through a link",
                 {symlink("etc", "/etc"), hard_link("h", "etc/passwd")},
                 "not in this layer"},
             Bad{"a hard link to a directory", {dir("d/"), hard_link("h", "d")}, "directory"},
             Bad{"a hard link to itself", {hard_link("h", "h")}, "not in this layer"},
             Bad{"a hard link to the root", {hard_link("h", "/")}, "root"},
             Bad{"a smuggled whiteout", {device("x", TarKind::char_device, 0, 0)}, "0:0"},
             Bad{"a whiteout of nothing", {file(".wh.", "")}, "names no file"},
             Bad{"a whiteout of .", {file("d/.wh..", "")}, "names no file"},
             Bad{"a whiteout of ..", {file("d/.wh...", "")}, "names no file"},
             Bad{"a parent that is a file", {file("f", ""), file("f/g", "")}, "f/g"},
             Bad{"a parent that leads nowhere", {symlink("s", "nowhere"), file("s/f", "")}, "s/f"},
             Bad{"a parent that is a circle",
                 {symlink("a", "b"), symlink("b", "a"), file("a/f", "")},
                 "a/f"},
             Bad{"an opaque file", {file("f", "x"), file("f/.wh..wh..opq", "")}, ""},
             Bad{"a deep tree", {file(deep + "f", "")}, "deeper"},
             Bad{"a long name", {file(std::string(300, 'n'), "")}, ""},
             Bad{"a directory with content", {sized}, "has a size"},
             Bad{"an empty link", {symlink("s", "")}, "no target"},
         }) {
        auto result = import(tar_of(c.items));
        ASSERT_FALSE(result) << c.what;
        EXPECT_EQ(result.error().code(), c.code) << c.what << ": " << text_of(result);
        EXPECT_THAT(text_of(result), HasSubstr(c.names)) << c.what;
        expect_clean();
    }
}

TEST_F(UnpackTest, refuses_a_layer_with_another_digest) {
    write(temp / "layer.tar", tar_of({file("f", "x")}));
    auto result = store.import_tar(temp / "layer.tar", oci::Digest::of("other"));
    EXPECT_EQ(code_of(result), Code::corrupt);
    EXPECT_THAT(text_of(result), HasSubstr("digest"));
    expect_clean();
    EXPECT_EQ(code_of(store.import_tar(temp / "nowhere", oci::Digest())), Code::not_found);
}

}  // namespace
}  // namespace crank::store
