#include "store/layer_tar.h"

#include "store/overlay.h"
#include "store/test_support.h"
#include "sys/attributes.h"
#include "sys/child.h"
#include "sys/file.h"

namespace crank::store {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

struct Tar {
    std::string bytes;
    LayerTarStats stats;
};

Tar tar_of_tree(const std::string& tree) {
    Tar out;
    out.stats = must(write_layer_tar(tree, [&](std::span<const std::uint8_t> bytes) -> Result<> {
        out.bytes.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
    }));
    return out;
}

std::vector<std::string> names_in(const std::string& tar) {
    TempDir temp;
    write(temp / "t.tar", tar);
    sys::SpawnRequest request{"/bin/tar", {"tar", "tf", temp / "t.tar"}, {}, {}, {}, false};
    auto output = must(sys::run_command(request));
    EXPECT_EQ(output.status.code, 0) << output.err;
    std::vector<std::string> names;
    for (std::size_t at = 0; at < output.out.size();) {
        std::size_t end = output.out.find('\n', at);
        names.push_back(output.out.substr(at, end - at));
        at = end + 1;
    }
    return names;
}

void set_times(const std::string& path) {
    auto fd = must(sys::open_dir(path));
    for (const auto& name : must(sys::list_at(fd.get()))) {
        if (must(sys::attributes_at(fd.get(), name)).is_dir()) set_times(path + "/" + name);
        must(sys::set_mtime_at(fd.get(), name, 1'700'000'000, 0));
    }
}

TEST(LayerTar, orders_entries_and_leaves_out_sockets_and_the_root) {
    TempDir tree;
    std::filesystem::create_directories(tree / "a/sub");
    write(tree / "a/sub/f", "x");
    write(tree / "a-b", "x");
    write(tree / "a.c", "x");
    write(tree / "B", "x");
    Tar tar = tar_of_tree(tree.path());
    EXPECT_THAT(names_in(tar.bytes), ElementsAre("B", "a/", "a/sub/", "a/sub/f", "a-b", "a.c"));
    EXPECT_EQ(tar.stats.entries, 6);
    EXPECT_EQ(tar.stats.file_bytes, 4);
    EXPECT_EQ(tar.stats.tar_bytes, static_cast<std::int64_t>(tar.bytes.size()));
    EXPECT_EQ(tar.stats.digest, oci::Digest::of(tar.bytes));
    EXPECT_EQ(must(write_layer_tar(tree.path(), {})).digest, tar.stats.digest);
}

// One entry of every kind. Its digest is fixed for ever: version 1 never changes.
TEST(LayerTar, is_golden) {
    SKIP_UNLESS_ROOT();
    TempDir tree;
    std::filesystem::create_directories(tree / "dir/opaque");
    write(tree / "dir/file", "content", 04755);
    write(tree / "dir/opaque/big", std::string(300'000, 'b'));
    write(tree / "empty", "");
    write(tree / ("long-" + std::string(120, 'n')), "n");
    write(tree / "with-attributes", "a");
    std::filesystem::create_hard_link(tree / "dir/file", tree / "hard");
    std::filesystem::create_symlink("../t\xc3\xa4rget", tree / "dir/sym");
    auto root = must(sys::open_dir(tree.path()));
    auto dir = must(sys::open_dir(tree / "dir"));
    must(sys::make_node_at(root.get(), "fifo", S_IFIFO | 0640, 0, 0));
    must(sys::make_node_at(root.get(), "null", S_IFCHR | 0666, 1, 3));
    must(sys::make_node_at(root.get(), "disk", S_IFBLK | 0660, 259, 1048575));
    must(sys::make_node_at(dir.get(), "gone", S_IFCHR, 0, 0));
    must(sys::set_xattr_at(dir.get(), "opaque", kOpaqueXattrs[0], "y"));
    must(sys::set_xattr_at(root.get(), "with-attributes", "user.note", "hello"));
    must(sys::set_xattr_at(root.get(), "with-attributes", "trusted.secret", "no content"));
    // cap_net_bind_service+ep, revision 2 (linux/capability.h)
    must(sys::set_xattr_at(root.get(), "with-attributes", "security.capability",
                           std::string("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)));
    for (const auto& name : {"fifo", "null", "disk", "empty"})
        must(sys::set_mode_at(root.get(), name, 0600));
    must(sys::set_owner_at(dir.get(), "sym", 1000, 1000));
    must(sys::set_owner_at(root.get(), "empty", 3'000'000, 5));
    must(sys::set_mode_at(root.get(), "dir", 01777));
    must(sys::set_mode_at(dir.get(), "opaque", 0700));
    set_times(tree.path());
    Tar tar = tar_of_tree(tree.path());
    EXPECT_THAT(
        names_in(tar.bytes),
        ElementsAre("dir/", "dir/file", "dir/.wh.gone", "dir/opaque/", "dir/opaque/.wh..wh..opq",
                    "dir/opaque/big", "dir/sym", "disk", "empty", "fifo", "hard",
                    "long-" + std::string(120, 'n'), "null", "with-attributes"));
    EXPECT_EQ(tar.stats.digest.hex(),
              "76050fe1be4d30172ce3591ffa71e90a3ccb97e9c646f95e4e26c398099749b3");
}

TEST(LayerTar, refuses_a_file_that_would_read_as_a_whiteout) {
    TempDir tree;
    write(tree / ".wh.x", "");
    auto result = write_layer_tar(tree.path(), {});
    EXPECT_EQ(code_of(result), Code::invalid_argument);
    EXPECT_THAT(text_of(result), HasSubstr(".wh.x"));
}

TEST(LayerTar, refuses_a_tree_with_redirects) {
    SKIP_UNLESS_ROOT();
    TempDir tree;
    std::filesystem::create_directory(tree / "d");
    auto root = must(sys::open_dir(tree.path()));
    must(sys::set_xattr_at(root.get(), "d", "trusted.overlay.redirect", "/e"));
    EXPECT_EQ(code_of(write_layer_tar(tree.path(), {})), Code::unsupported);
}

TEST(LayerTar, hands_on_the_errors_of_the_sink) {
    TempDir tree;
    auto result =
        write_layer_tar(tree.path(), [](auto) { return fail(Code::exhausted, "disk full"); });
    EXPECT_EQ(code_of(result), Code::exhausted);
}

}  // namespace
}  // namespace crank::store
