// podman's storage: its configuration, tar-split, and images in it.
#include "base/base64.h"
#include "exchange/containers_storage.h"
#include "exchange/directory.h"
#include "exchange/import.h"
#include "exchange/storage_conf.h"
#include "store/test_support.h"
#include "sys/file.h"

namespace crank::exchange {
namespace {

using namespace store::test;
using store::OpenMode;
using store::Store;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Text : public store::ByteSource {
public:
    explicit Text(std::string text) : text_(std::move(text)) {}
    // Odd pieces, so that lines and payloads do not end where reads do.
    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        std::size_t n = std::min({out.size(), text_.size() - at_, std::size_t{7}});
        std::copy_n(text_.begin() + static_cast<std::ptrdiff_t>(at_), n, out.begin());
        at_ += n;
        return n;
    }

private:
    std::string text_;
    std::size_t at_ = 0;
};

std::string segment(const std::string& bytes) {
    return R"({"type":2,"payload":")" + base64_encode(bytes) + "\"}\n";
}
std::string content(const std::string& path, std::size_t size) {
    return R"({"type":1,"name":")" + path + R"(","size":)" + std::to_string(size) +
           R"(,"payload":"AAAAAAAAAAA="})" + "\n";
}

class TarSplitTest : public testing::Test {
protected:
    TarSplitTest() {
        sys::make_dirs(tree + "/a").value();
        write(tree + "/a/b", "content");
        write(temp / "secret", "content");
        sys::make_symlink(temp / "secret", tree + "/out").value();
        sys::make_symlink("../../secret", tree + "/up").value();
    }
    Result<std::string> joined(const std::string& records) {
        auto source =
            store::join_tar_split(std::make_unique<Text>(records),
                                  contents_of(must(Directory::open_path(tree))), "layer x");
        return store::read_all(*source, 1 << 20, "the tar");
    }

    TempDir temp;
    std::string tree = temp / "tree";
};

TEST_F(TarSplitTest, joins_segments_and_files) {
    EXPECT_EQ(must(joined(segment("<") + content("a/", 0) + content("./a/b", 7) + segment("") +
                          segment(">" + std::string(1000, 'x')))),
              "<content>" + std::string(1000, 'x'));
    EXPECT_EQ(must(joined("")), "");
    EXPECT_EQ(must(joined(segment("a") + "\n" + R"({"type":2,"payload":"Yg=="})")), "ab");
    // a name that is not UTF-8
    write(tree + "/\xff", "raw");
    EXPECT_EQ(
        must(joined(R"({"type":1,"name_raw":")" + base64_encode("\xff") + R"(","size":3})" + "\n")),
        "raw");
}

TEST_F(TarSplitTest, refuses_what_is_bad) {
    struct Bad {
        std::string records, names;
    };
    for (const Bad& c : {
             Bad{"{", "record 1 of its tar-split is bad"},
             Bad{segment("a") + "[]\n", "record 2"},
             Bad{R"({"type":3})", "'type' is 3"},
             Bad{R"({"type":2,"payload":"*"})", "no base64"},
             Bad{R"({"type":1,"name":"a/b","size":-1})", "negative"},
             Bad{R"({"type":1,"name_raw":"AA==","size":1})", "no name"},
             Bad{content("a/b", 8), "'a/b' has 7 bytes, not 8"},
             Bad{content("a/c", 1), "no file 'a/c'"},
             Bad{content("a", 1), "not a regular file"},
             Bad{content("out", 7), "no file 'out'"},
             Bad{content("up", 7), "no file 'up'"},
             Bad{content("../secret", 7), "no file '../secret'"},
             Bad{std::string(5 << 20, ' '), "longer than 4 MiB"},
         }) {
        auto result = joined(c.records);
        ASSERT_FALSE(result) << c.names;
        EXPECT_EQ(result.error().code(), Code::corrupt) << c.names;
        EXPECT_THAT(text_of(result), HasSubstr(c.names));
    }
}

TEST(StorageConfTest, reads_what_says_where_the_storage_is) {
    auto conf = must(parse_storage_conf(R"(
# comment
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "$HOME/images"
rootless_storage_path = "/data/${USER}/$UID/x"
[storage.options]
additionalimagestores = [ "/usr/lib/images",
  "", ]
[storage.options.overlay]
mountopt = "nodev,metacopy=on"
)",
                                        {{"HOME", "/root"}, {"USER", "me"}, {"UID", "7"}}));
    EXPECT_EQ(conf.driver, "overlay");
    EXPECT_EQ(conf.root, "/root/images");
    EXPECT_EQ(conf.rootless_root, "/data/me/7/x");
    EXPECT_THAT(conf.additional, ElementsAre("/usr/lib/images"));
    EXPECT_EQ(code_of(parse_storage_conf("[storage]\ndriver = 1\n", {})), Code::invalid_argument);
    EXPECT_EQ(code_of(parse_storage_conf("[storage\n", {})), Code::invalid_argument);
}

// A storage of one image of two layers, as podman leaves it.
class StorageTest : public testing::Test {
protected:
    StorageTest() {
        add_layer(low, "low", "1", "");
        add_layer(high, "high", "22", low);
        list_layers();
        config = config_of({diff_ids[0], diff_ids[1]});
        id = oci::Digest::of(config).hex();
        oci::Manifest manifest;
        manifest.media_type = oci::kMediaTypeManifest;
        manifest.config = {std::string(oci::kMediaTypeConfig),
                           oci::Digest::of(config),
                           static_cast<std::int64_t>(config.size()),
                           {},
                           {}};
        manifest.annotations["maker"] = "podman";
        // As it was pulled: compressed.
        for (std::size_t i = 0; i < 2; ++i)
            manifest.layers.push_back({std::string(oci::kMediaTypeLayerGzip),
                                       oci::Digest::of(std::to_string(i)),
                                       sizes[i],
                                       {},
                                       {}});
        manifest_json = oci::serialize(manifest);
        sys::make_dirs(image_dir()).value();
        write(image_dir() + "/manifest", manifest_json);
        write(config_path(), config);
        list_images(R"([{"id":")" + id + R"(","layer":")" + high +
                    R"(","names":["localhost/worker:1","docker.io/library/w:latest",)" +
                    R"("docker.io/library/w@sha256:)" + id + R"("]}])");
    }
    void add_layer(const std::string& layer, const std::string& name, const std::string& text,
                   const std::string& parent) {
        Item item = file(name, text);
        std::string tar = tar_of({item});
        std::string header = tar.substr(0, 512), rest = tar.substr(512 + text.size());
        sys::make_dirs(root + "/overlay/" + layer + "/diff").value();
        sys::make_dirs(root + "/overlay-layers").value();
        write(root + "/overlay/" + layer + "/diff/" + name, text);
        write(root + "/overlay-layers/" + layer + ".tar-split.gz",
              gzip(segment(header) + content(name, text.size()) + segment(rest)));
        diff_ids.push_back(oci::Digest::of(tar));
        sizes.push_back(static_cast<std::int64_t>(tar.size()));
        layers.push_back(R"({"id":")" + layer + "\"" +
                         (parent.empty() ? "" : R"(,"parent":")" + parent + "\"") + "}");
    }
    void list_layers() {
        write(root + "/overlay-layers/layers.json", "[" + layers[0] + "," + layers[1] + "]");
    }
    void list_images(const std::string& json) {
        sys::make_dirs(root + "/overlay-images").value();
        write(root + "/overlay-images/images.json", json);
    }
    std::string image_dir() const { return root + "/overlay-images/" + id; }
    std::string config_path() const { return image_dir() + "/=" + base64_encode("sha256:" + id); }
    Result<Loaded> imported(const std::string& name) {
        Store store = must(Store::open(temp / "store", OpenMode::read_write));
        return import_image(store, {{Transport::containers_storage, root, "", name}, {}, {}});
    }
    void expect_refused(const std::string& name, Code code, const std::string& names) {
        auto result = imported(name);
        ASSERT_FALSE(result) << names;
        EXPECT_EQ(result.error().code(), code) << text_of(result);
        EXPECT_THAT(text_of(result) + result.error().hint(), HasSubstr(names));
        Store store = must(Store::open(temp / "store", OpenMode::read_write));
        EXPECT_THAT(must(store.list()), IsEmpty());
        EXPECT_EQ(count(temp / "store/l"), 0u);
        EXPECT_EQ(count(temp / "store/tmp"), 0u);
    }

    TempDir temp;
    std::string root = temp / "storage", low = std::string(64, 'a'), high = std::string(64, 'b');
    std::vector<oci::Digest> diff_ids;
    std::vector<std::int64_t> sizes;
    std::vector<std::string> layers;
    std::string config, id, manifest_json;
};

TEST_F(StorageTest, an_image_comes_with_its_id_its_names_and_its_manifest) {
    for (const char* name : {"worker:1", "localhost/worker:1", "w", "docker.io/library/w:latest"}) {
        auto loaded = must(imported(name));
        EXPECT_EQ(loaded.id.hex(), id) << name;
        EXPECT_THAT(loaded.tags, ElementsAre("localhost/worker:1", "docker.io/library/w:latest"));
    }
    EXPECT_EQ(must(imported(id.substr(0, 12))).id.hex(), id);
    Store store = must(Store::open(temp / "store", OpenMode::read_write));
    auto kept = must(store.manifests_of(oci::Digest::of(config)));
    ASSERT_FALSE(kept.empty());
    EXPECT_EQ(kept[0].json, manifest_json);
}

TEST_F(StorageTest, what_is_not_there_is_named) {
    expect_refused("other", Code::not_found, "it has localhost/worker:1");
    expect_refused("worker", Code::not_found, "no image 'worker'");
    expect_refused("", Code::usage, "names no image");
    list_images(R"([{"id":")" + id + R"(","names":["a.example/x/w:1"]},{"id":")" + low +
                R"(","names":["b.example/x/w:1"]}])");
    expect_refused("w:1", Code::invalid_argument, "a.example/x/w:1, b.example/x/w:1");
}

TEST_F(StorageTest, a_layer_that_does_not_come_out_right_is_named) {
    std::string diff = root + "/overlay/" + high + "/diff/high";
    write(diff, "23");
    expect_refused("w", Code::corrupt, "layer " + high);
    write(diff, "222");
    expect_refused("w", Code::corrupt, "'high' has 3 bytes, not 2");
    sys::remove_file(diff).value();
    expect_refused("w", Code::corrupt, "no file 'high'");
    sys::remove_tree(root + "/overlay/" + high).value();
    expect_refused("w", Code::corrupt, "layer " + high + " of " + root + " has no files");
    std::string records = root + "/overlay-layers/" + high + ".tar-split.gz";
    write(records, "\x1f\x8b");
    sys::make_dirs(root + "/overlay/" + high + "/diff").value();
    expect_refused("w", Code::corrupt, "layer " + high);
    sys::remove_file(records).value();
    expect_refused("w", Code::unsupported, "layer " + high + " of " + root + " has no tar-split");
}

TEST_F(StorageTest, a_damaged_storage_is_refused) {
    write(config_path(), config + " ");
    expect_refused("w", Code::corrupt, "the configuration of image " + id);
    sys::remove_file(config_path()).value();
    expect_refused("w", Code::corrupt, "no file");
    write(config_path(), config);
    layers[0] = R"({"id":")" + low + R"(","parent":")" + high + "\"}";  // a circle
    list_layers();
    expect_refused("w", Code::corrupt, "more than 127 layers");
    layers[0] = R"({"id":")" + high + "\"}";
    list_layers();
    expect_refused("w", Code::corrupt, "1 layers, its configuration names 2");
    write(root + "/overlay-layers/layers.json", "[]");
    expect_refused("w", Code::corrupt, "layer " + high + " of " + root + " is missing");
    write(root + "/overlay-layers/layers.json", R"([{"id":"../../../etc"}])");
    expect_refused("w", Code::corrupt, "'[0].id' is not 64 hexadecimal digits");
    list_images("{}");
    expect_refused("w", Code::corrupt, "images.json");
    sys::remove_tree(root).value();
    expect_refused("w", Code::not_found, "there is no container storage in " + root);
}

TEST_F(StorageTest, other_drivers_are_refused) {
    Store store = must(Store::open(temp / "store", OpenMode::read_write));
    auto result =
        import_image(store, {{Transport::containers_storage, root, "btrfs", "w"}, {}, {}});
    EXPECT_EQ(code_of(result), Code::unsupported);
    EXPECT_THAT(text_of(result), HasSubstr("btrfs"));
}

}  // namespace
}  // namespace crank::exchange
