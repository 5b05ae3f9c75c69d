#include "exchange/archive.h"

#include <thread>

#include "store/test_support.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::exchange {
namespace {

using namespace store::test;
using store::Image;
using store::OpenMode;
using store::Store;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class ArchiveTest : public testing::Test {
protected:
    Store open(const std::string& name) {
        return must(Store::open(temp / name, OpenMode::read_write));
    }
    std::string saved(Store& store, const std::vector<std::string>& names, ArchiveFormat format) {
        std::string name = "archive-" + std::to_string(++files_) + ".tar";
        auto dir = must(sys::open_dir(temp.path()));
        auto fd = must(sys::create_file_at(dir.get(), name, 0600));
        must(save(store, names, format, fd.get()));
        return read(temp / name);
    }
    Result<std::vector<Loaded>> loaded(Store& store, const std::string& content) {
        write(temp / "input", content);
        auto fd = must(sys::open_file(temp / "input"));
        return load(store, fd.get());
    }
    Result<std::vector<Loaded>> loaded_from_pipe(Store& store, const std::string& content) {
        auto pipe = must(sys::make_pipe());
        std::thread writer([&] {
            (void)sys::write_all(pipe.write.get(), content, "pipe");
            pipe.write.reset();
        });
        auto result = load(store, pipe.read.get());
        writer.join();
        return result;
    }
    // Runs a program of /usr/bin.
    sys::CommandOutput run(std::vector<std::string> args) {
        sys::SpawnRequest request;
        request.path = "/usr/bin/" + args[0];
        request.args = std::move(args);
        request.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + temp.path(),
                       "TMPDIR=" + temp.path()};
        return must(sys::run_command(request));
    }
    void expect_empty(const std::string& name) {
        Store store = open(name);
        EXPECT_THAT(must(store.list()), IsEmpty());
        EXPECT_EQ(count(temp / (name + "/l")), 0u);
        must(must(Store::open(temp / name, OpenMode::read_write)).collect());
        EXPECT_EQ(count(temp / (name + "/tmp")), 0u);
    }

    TempDir temp;

private:
    int files_ = 0;
};

// Two layers, two tags, and a second image that shares a layer.
std::vector<Image> fill(Store& store) {
    auto low = add_layer(store, "low", "1"), high = add_layer(store, "high", "22");
    std::vector<Image> images{must(store.add_image(config_of({low, high}))),
                              must(store.add_image(config_of({low})))};
    for (const char* tag : {"python:3.11", "localhost/p"})
        must(store.tag(must(oci::Reference::parse(tag)), images[0].id));
    must(store.tag(must(oci::Reference::parse("second")), images[1].id));
    return images;
}

TEST_F(ArchiveTest, brings_images_over_in_every_format) {
    Store source = open("source");
    auto images = fill(source);
    int n = 0;
    for (auto format : {ArchiveFormat::oci, ArchiveFormat::docker, ArchiveFormat::both}) {
        std::string archive = saved(source, {"python:3.11", "localhost/p", "second"}, format);
        EXPECT_EQ(archive, saved(source, {"second", "localhost/p", "python:3.11"}, format));
        for (const std::string& bytes : {archive, gzip(archive), zstd(archive)})
            for (bool from_pipe : {false, true}) {
                std::string name = "target-" + std::to_string(++n);
                Store target = open(name);
                auto result =
                    must(from_pipe ? loaded_from_pipe(target, bytes) : loaded(target, bytes));
                ASSERT_THAT(result, SizeIs(2));
                EXPECT_THAT((std::vector{result[0].id, result[1].id}),
                            UnorderedElementsAre(images[0].id, images[1].id));
                EXPECT_THAT(must(target.find("python:3.11")).tags,
                            ElementsAre("docker.io/library/python:3.11", "localhost/p:latest"));
                EXPECT_EQ(saved(target, {"python:3.11", "localhost/p", "second"}, format), archive);
                EXPECT_EQ(count(temp / (name + "/tmp")), 0u);
            }
    }
}

TEST_F(ArchiveTest, saves_by_id_without_a_tag) {
    Store source = open("source"), target = open("target");
    auto images = fill(source);
    auto result =
        must(loaded(target, saved(source, {images[0].id.short_hex()}, ArchiveFormat::both)));
    ASSERT_THAT(result, SizeIs(1));
    EXPECT_EQ(result[0].id, images[0].id);
    EXPECT_THAT(result[0].tags, IsEmpty());
    EXPECT_EQ(code_of(save(source, {}, ArchiveFormat::oci, 1)), Code::invalid_argument);
    EXPECT_EQ(code_of(save(source, {"nowhere"}, ArchiveFormat::oci, 1)), Code::not_found);
}

// The tools that others have read these files with.
TEST_F(ArchiveTest, is_read_by_skopeo_and_umoci) {
    if (!sys::exists("/usr/bin/skopeo") || !sys::exists("/usr/bin/umoci"))
        GTEST_SKIP() << "skopeo or umoci is not installed";
    Store source = open("source");
    auto images = fill(source);
    for (auto [format, transport] : {std::pair{ArchiveFormat::oci, "oci-archive"},
                                     {ArchiveFormat::both, "oci-archive"},
                                     {ArchiveFormat::docker, "docker-archive"},
                                     {ArchiveFormat::both, "docker-archive"}}) {
        write(temp / "x.tar", saved(source, {"python:3.11"}, format));
        auto config = run({"skopeo", "inspect", "--raw", "--config",
                           std::string(transport) + ":" + (temp / "x.tar")});
        EXPECT_EQ(config.status.code, 0) << transport << config.err;
        EXPECT_EQ(config.out, must(source.config_json(images[0].id))) << transport;
        // A copy reads every blob and verifies its digest.
        std::string layout = temp / ("layout-" + std::string(transport));
        auto copy = run({"skopeo", "--insecure-policy", "copy",
                         std::string(transport) + ":" + (temp / "x.tar"), "oci:" + layout + ":x"});
        EXPECT_EQ(copy.status.code, 0) << transport << copy.err;
        if (!is_root()) continue;  // umoci sets owners
        std::string bundle =
            temp / ("bundle-" + std::to_string(static_cast<int>(format)) + transport);
        auto unpack = run({"umoci", "unpack", "--image", layout + ":x", bundle});
        EXPECT_EQ(unpack.status.code, 0) << unpack.err << unpack.out;
        EXPECT_EQ(read(bundle + "/rootfs/high"), "22");
        EXPECT_EQ(read(bundle + "/rootfs/low"), "1");
    }
}

TEST_F(ArchiveTest, loads_what_skopeo_writes) {
    if (!sys::exists("/usr/bin/skopeo")) GTEST_SKIP() << "skopeo is not installed";
    Store source = open("source");
    auto images = fill(source);
    write(temp / "x.tar", saved(source, {"python:3.11"}, ArchiveFormat::oci));
    for (const char* target : {"oci-archive:", "docker-archive:"}) {
        std::string path = temp / (std::string(target, 3) + ".tar");
        auto copy = run({"skopeo", "--insecure-policy", "copy", "oci-archive:" + (temp / "x.tar"),
                         target + path + ":example.org/p:v1"});
        ASSERT_EQ(copy.status.code, 0) << copy.err;
        Store store = open(std::string(target, 3));
        auto result = must(loaded(store, read(path)));
        ASSERT_THAT(result, SizeIs(1));
        EXPECT_EQ(result[0].id, images[0].id) << "skopeo compresses layers; the id stays";
        EXPECT_THAT(result[0].tags, ElementsAre("example.org/p:v1"));
    }
}

// Replaces the first `from` in an archive and makes its header's checksum right again.
std::string with_file(const std::vector<Item>& items, const std::string& path,
                      const std::string& content) {
    std::vector<Item> out;
    bool found = false;
    for (const Item& one : items)
        if (one.entry.path == path) {
            found = true;
            if (!content.empty()) out.push_back(file(path, content));
        } else {
            out.push_back(one);
        }
    if (!found) out.push_back(file(path, content));
    return tar_of(out);
}

struct Parts {
    std::string layer = tar_of({file("f", "x")});
    oci::Digest diff_id = oci::Digest::of(layer);
    std::string config = config_of({diff_id});
    oci::Digest id = oci::Digest::of(config);

    static std::string blob(const oci::Digest& digest) { return "blobs/sha256/" + digest.hex(); }
    oci::Manifest manifest() const {
        oci::Manifest out;
        out.media_type = oci::kMediaTypeManifest;
        out.config = {std::string(oci::kMediaTypeConfig),
                      id,
                      static_cast<std::int64_t>(config.size()),
                      {},
                      {}};
        out.layers = {{std::string(oci::kMediaTypeLayer),
                       diff_id,
                       static_cast<std::int64_t>(layer.size()),
                       {},
                       {}}};
        return out;
    }
    static oci::Descriptor descriptor(const std::string& text, std::string_view type) {
        return {std::string(type),
                oci::Digest::of(text),
                static_cast<std::int64_t>(text.size()),
                {},
                {}};
    }
    static std::string index_of(std::vector<oci::Descriptor> manifests) {
        oci::Index index;
        index.media_type = oci::kMediaTypeIndex;
        index.manifests = std::move(manifests);
        return oci::serialize(index);
    }
    std::vector<Item> oci(const oci::Manifest& manifest_value) const {
        std::string text = oci::serialize(manifest_value);
        return {file("oci-layout", "{}"), file(blob(id), config), file(blob(diff_id), layer),
                file(blob(oci::Digest::of(text)), text),
                file("index.json", index_of({descriptor(text, oci::kMediaTypeManifest)}))};
    }
    std::vector<Item> docker() const {
        return {file("c.json", config), file("l/layer.tar", layer),
                file("manifest.json",
                     R"([{"Config":"c.json","RepoTags":["a:1"],"Layers":["l/layer.tar"]}])")};
    }
};

TEST_F(ArchiveTest, loads_the_parts_that_the_bad_archives_are_made_of) {
    Parts parts;
    Store store = open("target");
    EXPECT_EQ(must(loaded(store, tar_of(parts.oci(parts.manifest())))).at(0).id, parts.id);
    EXPECT_EQ(must(loaded(store, tar_of(parts.docker()))).at(0).id, parts.id);
}

// A Docker on containerd's store saves layers as they came from a registry, with their manifest.
TEST_F(ArchiveTest, keeps_the_manifest_of_compressed_layers_alone) {
    Parts parts;
    auto manifest = parts.manifest();
    Store plain = open("plain");
    must(loaded(plain, tar_of(parts.oci(manifest))));
    EXPECT_THAT(must(plain.manifests_of(parts.id)), IsEmpty());
    std::string packed = gzip(parts.layer);
    manifest.layers[0] = Parts::descriptor(packed, oci::kMediaTypeLayerGzip);
    auto items = parts.oci(manifest);
    items.push_back(file(Parts::blob(manifest.layers[0].digest), packed));
    items.push_back(parts.docker()[2]);
    Store store = open("compressed");
    must(loaded(store, tar_of(items)));
    auto kept = must(store.manifests_of(parts.id));
    ASSERT_THAT(kept, SizeIs(1));
    EXPECT_EQ(kept[0].json, oci::serialize(manifest));
}

TEST_F(ArchiveTest, follows_links_of_old_docker_archives) {
    Parts parts;
    auto items = parts.docker();
    items.push_back(symlink("m/layer.tar", "../l/layer.tar"));
    items.push_back(hard_link("n", "l/layer.tar"));
    for (const char* path : {"m/layer.tar", "n"}) {
        Store store = open(std::string("target-") + path[0]);
        std::string manifest = R"([{"Config":"c.json","Layers":[")" + std::string(path) + R"("]}])";
        EXPECT_EQ(must(loaded(store, with_file(items, "manifest.json", manifest))).at(0).id,
                  parts.id);
    }
}

TEST_F(ArchiveTest, picks_the_image_of_this_machine_from_an_index) {
    Parts parts;
    auto items = parts.oci(parts.manifest());
    std::string manifest = oci::serialize(parts.manifest());
    oci::Descriptor mine = Parts::descriptor(manifest, oci::kMediaTypeManifest);
    oci::Descriptor other = mine, attestation = mine;
    other.digest = attestation.digest = oci::Digest::of("absent");
    other.platform = oci::Platform{"s390x", "linux", ""};
    attestation.platform = oci::Platform{"unknown", "unknown", ""};
    std::string inner = Parts::index_of({other, attestation, mine});
    items.push_back(file(Parts::blob(oci::Digest::of(inner)), inner));
    oci::Descriptor outer = Parts::descriptor(inner, oci::kMediaTypeIndex);
    outer.annotations["org.opencontainers.image.ref.name"] = "app:v1";
    Store store = open("target");
    auto result = must(loaded(store, with_file(items, "index.json", Parts::index_of({outer}))));
    EXPECT_EQ(result.at(0).id, parts.id);
    EXPECT_THAT(result.at(0).tags, ElementsAre("docker.io/library/app:v1"));
    auto none = loaded(store, with_file(items, "index.json", Parts::index_of({other})));
    EXPECT_EQ(code_of(none), Code::unsupported);
}

// The parts of the loading itself are killed in the store's tests.
TEST_F(ArchiveTest, a_load_that_is_killed_leaves_nothing_and_the_next_one_succeeds) {
    Parts parts;
    write(temp / "input", tar_of(parts.docker()));
    auto load_it = [&] {
        Store store = open("target");
        auto input = must(sys::open_file(temp / "input"));
        must(load(store, input.get()));
    };
    EXPECT_TRUE(killed_at("exchange.take_in.before_images", load_it));
    must(open("target").collect());
    expect_empty("target");
    EXPECT_FALSE(killed_at("", load_it));
    EXPECT_EQ(must(open("target").find("a:1")).id, parts.id);
}

TEST_F(ArchiveTest, a_blob_with_another_name_than_its_digest_is_refused) {
    Parts parts;
    std::string zipped = gzip(parts.layer);
    oci::Manifest manifest = parts.manifest();
    manifest.layers[0] = {std::string(oci::kMediaTypeLayerGzip),
                          oci::Digest::of("something else"),
                          static_cast<std::int64_t>(zipped.size()),
                          {},
                          {}};
    auto items = parts.oci(manifest);
    items.push_back(file(Parts::blob(manifest.layers[0].digest), zipped));
    {
        Store store = open("target");
        auto result = loaded(store, tar_of(items));
        EXPECT_EQ(code_of(result), Code::corrupt);
        EXPECT_THAT(text_of(result), HasSubstr("has the digest " + oci::Digest::of(zipped).str()));
    }
    expect_empty("target");
}

TEST_F(ArchiveTest, refuses_bad_archives_and_keeps_nothing) {
    Parts parts;
    auto good = parts.oci(parts.manifest());
    auto docker = parts.docker();
    auto manifest = [&](auto change) {
        oci::Manifest value = parts.manifest();
        change(value);
        return tar_of(parts.oci(value));
    };
    std::string flipped = parts.layer;
    flipped[512] ^= 1;  // the layer's file
    std::string truncated = tar_of(good);
    truncated.resize(truncated.size() / 2 / 512 * 512 + 100);
    auto twice = docker;
    twice.push_back(docker[0]);
    std::string zipped = gzip(tar_of(good));
    struct Bad {
        std::string what, bytes, names;
        Code code = Code::corrupt;
    };
    for (const Bad& c : {
             Bad{"nothing", "", "neither"},
             Bad{"no tar", std::string(2000, 'x'), "tar"},
             Bad{"some other tar", tar_of({file("a", "b")}), "neither"},
             Bad{"a truncated archive", truncated, "tar"},
             Bad{"a truncated gzip stream", zipped.substr(0, zipped.size() - 9), "gzip"},
             Bad{"bytes after the gzip stream", zipped + "x", "gzip"},
             Bad{"xz",
                 std::string("\xfd"
                             "7zXZ\0abc",
                             9),
                 "xz"},
             Bad{"a changed layer", with_file(good, Parts::blob(parts.diff_id), flipped), "digest"},
             Bad{"a changed configuration",
                 with_file(good, Parts::blob(parts.id), config_of({}, "xxxxxxxxxxxxxxxxxxxx")), ""},
             Bad{"a missing layer", with_file(good, Parts::blob(parts.diff_id), ""), "no file"},
             Bad{"a wrong size", manifest([](auto& m) { m.layers[0].size += 1; }), "bytes"},
             Bad{"too few layers", manifest([](auto& m) { m.layers.clear(); }), "0 layers"},
             Bad{"too many layers", manifest([](auto& m) { m.layers.push_back(m.layers[0]); }),
                 "2 layers"},
             Bad{"an empty index", with_file(good, "index.json", Parts::index_of({})), "no image",
                 Code::unsupported},
             Bad{"an index that is a manifest",
                 with_file(good, "index.json", oci::serialize(parts.manifest())), "index"},
             Bad{"a file that stands twice", tar_of(twice), "twice"},
             Bad{"a bad tag",
                 with_file(docker, "manifest.json",
                           R"([{"Config":"c.json","RepoTags":["A"],"Layers":["l/layer.tar"]}])"),
                 "lower case", Code::invalid_argument},
             Bad{"a layer outside",
                 with_file(docker, "manifest.json",
                           R"([{"Config":"c.json","Layers":["../../etc/passwd"]}])"),
                 "no file"},
             Bad{"a link to itself",
                 [&] {
                     auto items = docker;
                     items[1] = symlink("l/layer.tar", "layer.tar");
                     return tar_of(items);
                 }(),
                 "links"},
             Bad{"a changed layer in Docker's format", with_file(docker, "l/layer.tar", flipped),
                 "digest"},
             Bad{"a second image that fails",
                 with_file(docker, "manifest.json",
                           R"([{"Config":"c.json","RepoTags":["a:1"],"Layers":["l/layer.tar"]},)"
                           R"({"Config":"c.json","RepoTags":["a:2"],"Layers":["nowhere"]}])"),
                 "nowhere"},
         }) {
        for (bool from_pipe : {false, true}) {
            {
                Store store = open("target");
                auto result = from_pipe ? loaded_from_pipe(store, c.bytes) : loaded(store, c.bytes);
                ASSERT_FALSE(result) << c.what;
                EXPECT_EQ(result.error().code(), c.code) << c.what << ": " << text_of(result);
                EXPECT_THAT(text_of(result), HasSubstr(c.names)) << c.what;
            }
            expect_empty("target");
        }
    }
}

}  // namespace
}  // namespace crank::exchange
