// Layouts: which image is meant, and images that are added to one.
#include "exchange/layout.h"

#include <filesystem>

#include "exchange/directory.h"
#include "exchange/import.h"
#include "registry/document.h"
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
using testing::SizeIs;

class LayoutTest : public testing::Test {
protected:
    LayoutTest() {
        sys::make_dirs(layout + "/blobs/sha256").value();
        write(layout + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    }

    Store open(const std::string& name) {
        return must(Store::open(temp / name, OpenMode::read_write));
    }
    oci::Descriptor blob(const std::string& content, std::string_view type) {
        oci::Digest digest = oci::Digest::of(content);
        write(layout + "/blobs/sha256/" + digest.hex(), content);
        return {std::string(type), digest, static_cast<std::int64_t>(content.size()), {}, {}};
    }
    // An image of one file.
    oci::Descriptor image(const std::string& content) {
        std::string tar = tar_of({file("f", content)});
        oci::Manifest manifest;
        manifest.media_type = oci::kMediaTypeManifest;
        manifest.config = blob(config_of({oci::Digest::of(tar)}), oci::kMediaTypeConfig);
        manifest.layers = {blob(tar, oci::kMediaTypeLayer)};
        return blob(oci::serialize(manifest), oci::kMediaTypeManifest);
    }
    static oci::Descriptor called(oci::Descriptor descriptor, const std::string& ref_name) {
        descriptor.annotations["org.opencontainers.image.ref.name"] = ref_name;
        return descriptor;
    }
    static std::string index_of(std::vector<oci::Descriptor> manifests) {
        return oci::serialize(
            oci::Index{std::string(oci::kMediaTypeIndex), std::move(manifests), {}});
    }
    void list(std::vector<oci::Descriptor> manifests) {
        write(layout + "/index.json", index_of(std::move(manifests)));
    }
    Result<std::vector<IncomingImage>> read_one(const std::string& name = "") {
        Selection selection{Selection::Count::one, name, {"amd64", "linux", ""}};
        return read_layout(must(Directory::open_path(layout)), selection);
    }
    std::string manifest_of(const std::string& name = "") {
        auto images = must(read_one(name));
        EXPECT_THAT(images, SizeIs(1));
        return oci::Digest::of(images.at(0).manifest_json).str();
    }

    TempDir temp;
    std::string layout = temp / "layout";
};

TEST_F(LayoutTest, the_only_image_needs_no_name) {
    oci::Descriptor one = image("1");
    list({one});
    EXPECT_EQ(manifest_of(), one.digest.str());
    list({called(one, "a"), called(one, "b")});
    EXPECT_EQ(manifest_of(), one.digest.str()) << "two names of one image";
}

TEST_F(LayoutTest, among_several_the_name_decides) {
    oci::Descriptor one = image("1"), two = image("2");
    oci::Descriptor third = called(image("3"), "1.0");
    third.annotations["io.containerd.image.name"] = "docker.io/library/worker:1.0";
    list({called(one, "a"), called(two, "example.org/b:1"), third});
    EXPECT_EQ(manifest_of("a"), one.digest.str());
    EXPECT_EQ(manifest_of("example.org/b:1"), two.digest.str());
    EXPECT_EQ(manifest_of("worker:1.0"), third.digest.str());
    EXPECT_THAT(must(read_one("worker:1.0"))[0].tags, ElementsAre("docker.io/library/worker:1.0"));
    EXPECT_THAT(must(read_one("a"))[0].tags, IsEmpty()) << "a tag alone is no name";
    auto none = read_one();
    EXPECT_EQ(code_of(none), Code::invalid_argument);
    EXPECT_THAT(text_of(none), HasSubstr("1.0, a, example.org/b:1"));
    auto absent = read_one("c");
    EXPECT_EQ(code_of(absent), Code::not_found);
    EXPECT_THAT(absent.error().hint(), HasSubstr("1.0, a, example.org/b:1"));
}

TEST_F(LayoutTest, one_name_for_two_images_is_refused) {
    list({called(image("1"), "a"), called(image("2"), "a")});
    auto result = read_one("a");
    EXPECT_EQ(code_of(result), Code::invalid_argument);
    EXPECT_THAT(text_of(result), HasSubstr("several that match"));
}

TEST_F(LayoutTest, the_platform_decides_within_an_index) {
    oci::Descriptor mine = image("1"), other = image("2");
    mine.platform = oci::Platform{"amd64", "linux", ""};
    other.platform = oci::Platform{"arm64", "linux", "v8"};
    list({called(blob(index_of({other, mine}), oci::kMediaTypeIndex), "a")});
    EXPECT_EQ(manifest_of("a"), mine.digest.str());
    list({other, mine});
    EXPECT_EQ(manifest_of(), mine.digest.str());
    list({other});
    EXPECT_EQ(code_of(read_one()), Code::unsupported);
}

TEST_F(LayoutTest, indexes_are_bounded) {
    oci::Descriptor one = image("1"), nested = one;
    for (int depth = 0; depth < 3; ++depth) nested = blob(index_of({nested}), oci::kMediaTypeIndex);
    list({nested});
    EXPECT_EQ(manifest_of(), one.digest.str());
    list({blob(index_of({nested}), oci::kMediaTypeIndex)});
    EXPECT_THAT(text_of(read_one()), HasSubstr("nested too deep"));
    // Forty of forty of forty: few bytes, much to read.
    oci::Descriptor many = one;
    for (int depth = 0; depth < 3; ++depth)
        many = blob(index_of(std::vector(40, many)), oci::kMediaTypeIndex);
    list({many});
    EXPECT_THAT(text_of(read_one()), HasSubstr("more than 1000 indexes"));
    std::vector<oci::Descriptor> absent;
    for (int i = 0; i <= 1000; ++i) {
        absent.push_back(one);
        absent.back().digest = oci::Digest::of(std::to_string(i));
    }
    list(absent);
    EXPECT_THAT(text_of(read_one()), HasSubstr("more than 1000 images"));
}

TEST_F(LayoutTest, what_is_no_image_is_passed_over_or_named) {
    oci::Descriptor one = image("1"), strange = blob("{}", "application/vnd.example+json");
    list({strange, one});
    EXPECT_EQ(manifest_of(), one.digest.str());
    list({called(strange, "s"), one});
    auto result = read_one("s");
    EXPECT_EQ(code_of(result), Code::unsupported);
    EXPECT_THAT(text_of(result), HasSubstr("application/vnd.example+json"));
}

TEST_F(LayoutTest, nothing_outside_is_read) {
    oci::Descriptor one = image("1");
    list({one});
    std::string path = layout + "/blobs/sha256/" + one.digest.hex();
    std::filesystem::rename(path, temp / "outside");
    std::filesystem::create_symlink(temp / "outside", path);
    auto result = read_one();
    EXPECT_EQ(code_of(result), Code::corrupt);
    EXPECT_THAT(text_of(result), HasSubstr("no file"));
    // Within the layout a link is a file like others.
    std::filesystem::rename(temp / "outside", layout + "/inside");
    std::filesystem::remove(path);
    std::filesystem::create_symlink("/inside", path);
    EXPECT_EQ(manifest_of(), one.digest.str());
    std::filesystem::remove(path);
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    EXPECT_THAT(text_of(read_one()), HasSubstr("not a regular file"));
}

TEST_F(LayoutTest, an_imported_image_leaves_as_it_came) {
    oci::Descriptor one = image("1");
    list({called(one, "a")});
    Store store = open("store");
    ImportRequest request{
        {Transport::oci, layout, "", "a"}, must(oci::Reference::parse("x:1")), {}};
    auto loaded = must(import_image(store, request));
    EXPECT_THAT(loaded.tags, ElementsAre("docker.io/library/x:1"));
    must(save_layout(store, {"x:1"}, temp / "out"));
    auto index = must(oci::parse_index(read(temp / "out/index.json")));
    ASSERT_THAT(index.manifests, SizeIs(1));
    EXPECT_EQ(index.manifests[0].digest, one.digest);
    EXPECT_EQ(must(store.find("x@" + one.digest.str())).id, loaded.id);
}

TEST_F(LayoutTest, compressed_elsewhere_it_leaves_in_a_manifest_of_its_own) {
    std::string tar = tar_of({file("f", "1")});
    oci::Descriptor plain = image("1");
    oci::Manifest manifest;
    manifest.media_type = oci::kMediaTypeManifest;
    manifest.config = blob(config_of({oci::Digest::of(tar)}), oci::kMediaTypeConfig);
    manifest.layers = {blob(gzip(tar), oci::kMediaTypeLayerGzip)};
    oci::Descriptor zipped = blob(oci::serialize(manifest), oci::kMediaTypeManifest);
    list({zipped});
    Store store = open("store");
    must(import_image(store,
                      {{Transport::oci, layout, "", ""}, must(oci::Reference::parse("x")), {}}));
    must(save_layout(store, {"x"}, temp / "out"));
    auto index = must(oci::parse_index(read(temp / "out/index.json")));
    EXPECT_EQ(index.manifests.at(0).digest, plain.digest);
    // What it came with is not forgotten: a registry may have these blobs.
    EXPECT_EQ(must(store.manifests_of(manifest.config.digest)).at(0).digest, zipped.digest);
}

TEST_F(LayoutTest, images_are_added_to_a_layout_and_replaced_by_their_name) {
    Store store = open("store");
    for (const char* tag : {"a:1", "b:1"}) add_image(store, tag, tag);
    std::string out = temp / "out";
    must(save_layout(store, {"a:1"}, out));
    std::string foreign = R"({"mediaType":"application/x+json","digest":"sha256:)" +
                          std::string(64, '0') + R"(","size":2,"artifactType":"kept"})";
    std::string json = read(out + "/index.json");
    json.insert(json.find("\"manifests\":[") + 13, foreign + ",");
    write(out + "/index.json", json);
    must(save_layout(store, {"b:1"}, out));
    auto before = must(store.find("a:1")).id;
    add_image(store, "a:1", "changed");
    must(save_layout(store, {"a:1"}, out));
    auto index = must(oci::parse_index(read(out + "/index.json")));
    ASSERT_THAT(index.manifests, SizeIs(3));
    EXPECT_THAT(read(out + "/index.json"), HasSubstr("\"artifactType\":\"kept\""));
    Store target = open("target");
    auto import = [&](const char* name) {
        return must(import_image(target, {{Transport::oci, out, "", name}, {}, {}}));
    };
    EXPECT_EQ(import("a:1").id, must(store.find("a:1")).id);
    EXPECT_NE(import("a:1").id, before);
    EXPECT_EQ(import("b:1").id, must(store.find("b:1")).id);
    EXPECT_EQ(import("1").id, must(store.find("a:1")).id) << "the first has the tag alone";
}

TEST_F(LayoutTest, a_layout_that_cannot_be_finished_is_as_it_was) {
    Store store = open("store");
    add_image(store, "a:1", "1");
    auto layer = must(store.find_layer(must(store.find("a:1")).config.diff_ids[0]));
    std::filesystem::remove(store.layer_path(*layer) + "/a:1");
    write(store.layer_path(*layer) + "/a:1", "damaged");
    EXPECT_EQ(code_of(save_layout(store, {"a:1"}, temp / "out")), Code::corrupt);
    EXPECT_FALSE(sys::exists(temp / "out"));
    list({image("2")});
    std::string index = read(layout + "/index.json");
    auto files = count(layout + "/blobs/sha256");
    EXPECT_EQ(code_of(save_layout(store, {"a:1"}, layout)), Code::corrupt);
    EXPECT_EQ(read(layout + "/index.json"), index);
    EXPECT_EQ(count(layout + "/blobs/sha256"), files);
    EXPECT_EQ(count(layout), 3u);
}

TEST_F(LayoutTest, a_save_that_is_killed_leaves_the_old_layout) {
    std::string out = temp / "out";
    {
        Store store = open("store");
        for (const char* tag : {"a:1", "b:1"}) add_image(store, tag, tag);
        must(save_layout(store, {"a:1"}, out));
    }
    std::string index = read(out + "/index.json");
    auto save_it = [&] {
        Store store = open("store");
        must(save_layout(store, {"b:1"}, out));
    };
    EXPECT_TRUE(killed_at("exchange.save_layout.before_index", save_it));
    EXPECT_EQ(read(out + "/index.json"), index);
    EXPECT_FALSE(killed_at("", save_it));
    EXPECT_THAT(must(oci::parse_index(read(out + "/index.json"))).manifests, SizeIs(2));
}

TEST_F(LayoutTest, only_a_layout_is_added_to) {
    Store store = open("store");
    add_image(store, "a:1", "1");
    sys::make_dir(temp / "other", 0755).value();
    write(temp / "other/file", "mine");
    auto result = save_layout(store, {"a:1"}, temp / "other");
    EXPECT_EQ(code_of(result), Code::failed_precondition);
    EXPECT_THAT(text_of(result), HasSubstr("neither an OCI layout nor empty"));
    EXPECT_EQ(count(temp / "other"), 1u);
    write(layout + "/index.json", "{}");
    EXPECT_EQ(code_of(save_layout(store, {"a:1"}, layout)), Code::corrupt);
    // Blobs that would lie elsewhere are written below the layout, or nowhere.
    std::filesystem::remove(layout + "/index.json");
    std::filesystem::remove_all(layout + "/blobs");
    sys::make_dir(temp / "victim", 0755).value();
    std::filesystem::create_directory_symlink(temp / "victim", layout + "/blobs");
    (void)save_layout(store, {"a:1"}, layout);
    EXPECT_EQ(count(temp / "victim"), 0u);
}

}  // namespace
}  // namespace crank::exchange
