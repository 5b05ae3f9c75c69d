#include <fcntl.h>

#include "store/database.h"
#include "store/encode.h"
#include "store/schema.h"
#include "store/test_support.h"
#include "sys/file.h"

namespace crank::store::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DistributionTest : public ::testing::Test {
protected:
    Store open(OpenMode mode = OpenMode::read_write) {
        return must(Store::open(dir / "root", mode));
    }
    TempDir dir;
};

Store::Manifest manifest_of(const std::string& repository, const std::string& json) {
    return {repository, oci::Digest::of(json), std::string(oci::kMediaTypeManifest), json};
}

TEST_F(DistributionTest, finds_an_image_by_its_registrys_digest) {
    auto store = open();
    Image image = add_image(store, "registry.example/app:1", "content");
    auto manifest = manifest_of("registry.example/app", "{}");
    oci::Digest diff_id = image.config.diff_ids[0];
    Store::Blob blob{oci::Digest::of("compressed"), diff_id, 10, "gzip"};
    must(store.record_manifest(image.id, manifest, std::span(&blob, 1)));
    EXPECT_EQ(must(store.find("registry.example/app@" + manifest.digest.str())).id, image.id);
    EXPECT_EQ(must(store.find("registry.example/app:1@" + manifest.digest.str())).id, image.id);
    EXPECT_EQ(code_of(store.find("other.example/app@" + manifest.digest.str())), Code::not_found);
    EXPECT_EQ(must(store.manifests_of(image.id)).front().json, "{}");
    EXPECT_EQ(must(store.blobs_of(diff_id)).front().digest, blob.digest);
    EXPECT_THAT(must(store.places_of(blob.digest)), ElementsAre("registry.example/app"));
}

TEST_F(DistributionTest, what_registries_say_goes_with_the_image) {
    auto store = open();
    Image image = add_image(store, "a:1", "content");
    Store::Blob blob{oci::Digest::of("compressed"), image.config.diff_ids[0], 10, "gzip"};
    auto manifest = manifest_of("registry.example/app", "{}");
    must(store.record_manifest(image.id, manifest, std::span(&blob, 1)));
    must(store.remove("a:1"));
    EXPECT_EQ(code_of(store.find("registry.example/app@" + manifest.digest.str())),
              Code::not_found);
    EXPECT_THAT(must(store.blobs_of(blob.diff_id)), IsEmpty());
    EXPECT_THAT(must(store.places_of(blob.digest)), IsEmpty());
    EXPECT_EQ(code_of(store.record_manifest(image.id, manifest, {})), Code::not_found);
}

TEST_F(DistributionTest, imports_a_stream_and_keeps_nothing_of_a_bad_one) {
    auto store = open();
    std::string tar = tar_of({file("a", "text"), file("b", std::string(100'000, 'b'))});
    std::string packed = gzip(tar);
    int opened = 0;
    auto reader = [&](std::size_t size) {
        return [&, size]() -> Result<Store::Read> {
            ++opened;
            return [&, size, at = std::size_t{0}](
                       std::span<std::uint8_t> out) mutable -> Result<std::size_t> {
                if (at == size && size < packed.size()) return fail(Code::io, "broke off");
                std::size_t n = std::min({out.size(), size - at, std::size_t{1000}});
                std::copy_n(packed.begin() + static_cast<std::ptrdiff_t>(at), n, out.begin());
                at += n;
                return n;
            };
        };
    };
    oci::Digest digest = oci::Digest::of(tar);
    EXPECT_EQ(code_of(store.import_stream(reader(50), digest, "it", Formats::of_images)), Code::io);
    EXPECT_EQ(code_of(store.import_stream(reader(packed.size()), oci::Digest::of("x"), "it",
                                          Formats::of_images)),
              Code::corrupt);
    EXPECT_EQ(count(dir / "root/l"), 0U);
    EXPECT_EQ(count(dir / "root/tmp"), 0U);
    Layer layer =
        must(store.import_stream(reader(packed.size()), digest, "it", Formats::of_images));
    EXPECT_EQ(read(store.layer_path(layer) + "/a"), "text");
    EXPECT_EQ(opened, 3);
    must(store.import_stream(reader(packed.size()), digest, "it", Formats::of_images));
    EXPECT_EQ(opened, 3);  // it is here
}

// zstd:chunked: frames, and a table of contents in a frame that other readers skip.
TEST_F(DistributionTest, reads_zstd_of_several_frames_and_skips_what_is_no_content) {
    auto store = open();
    std::string tar = tar_of({file("a", "text"), file("b", std::string(50'000, 'b'))});
    std::string table("\x50\x2a\x4d\x18\x05\x00\x00\x00table", 13);
    std::string packed = zstd(tar.substr(0, 700)) + table + zstd(tar.substr(700)) + table;
    auto reader = [&]() -> Result<Store::Read> {
        return
            [&, at = std::size_t{0}](std::span<std::uint8_t> out) mutable -> Result<std::size_t> {
                std::size_t n = std::min({out.size(), packed.size() - at, std::size_t{333}});
                std::copy_n(packed.begin() + static_cast<std::ptrdiff_t>(at), n, out.begin());
                at += n;
                return n;
            };
    };
    Layer layer = must(store.import_stream(reader, oci::Digest::of(tar), "it", Formats::of_images));
    EXPECT_EQ(read(store.layer_path(layer) + "/a"), "text");
}

TEST_F(DistributionTest, a_store_of_format_1_becomes_one_of_this_crank) {
    {
        auto store = open();
        add_image(store, "old:1", "content");
    }
    // As the first crank made it: without the tables of registries.
    auto remove_tables = [&] {
        auto db = must(Database::open(dir / "root/crank.db"));
        must(db.script("DROP TABLE blob_place; DROP TABLE blob; DROP TABLE manifest"));
        write(dir / "root/format", "1\n");
    };
    for (OpenMode mode : {OpenMode::read_only, OpenMode::read_write}) {
        remove_tables();
        auto store = open(mode);
        EXPECT_EQ(must(store.find("old:1")).tags.size(), 1U);
        EXPECT_EQ(read(dir / "root/format"), std::to_string(kFormat) + "\n");
    }
    remove_tables();
    EXPECT_TRUE(killed_at("store.upgrade.before_format", [&] { open(); }));
    auto store = open();
    EXPECT_THAT(must(store.manifests_of(must(store.find("old:1")).id)), IsEmpty());
}

TEST_F(DistributionTest, a_newer_store_is_refused) {
    open();
    write(dir / "root/format", "99\n");
    EXPECT_EQ(code_of(Store::open(dir / "root", OpenMode::read_only)), Code::unsupported);
}

TEST_F(DistributionTest, the_encoder_is_frozen) {
    auto store = open();
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919 % 10007) + "\n";
    oci::Digest diff_id = add_layer(store, "numbers", text);
    auto encode = [&](const std::string& name, Compression compression) {
        auto fd = must(sys::open(dir / name, O_RDWR | O_CREAT, 0600));
        return must(encode_layer(store, diff_id, fd.get(), compression));
    };
    // Other bytes are another version of the encoder (encode.h).
    for (auto [compression, digest] :
         {std::pair(Compression::gzip,
                    "sha256:5c8cc58045660bc30cf8bf0c6bda01fd598636173929cd4295b0a2640a13b35a"),
          std::pair(Compression::zstd,
                    "sha256:bd09c44c9356808df07f31e077868f3e131b24182aed66ce51ba57d4a4013088")}) {
        Encoded encoded = encode("a", compression);
        EXPECT_EQ(oci::Digest::of(read(dir / "a")), encoded.digest);
        EXPECT_EQ(encoded.digest, encode("b", compression).digest);
        EXPECT_EQ(encoded.digest.str(), digest) << encoder_version(compression);
        EXPECT_EQ(must(store.import_tar(dir / "a", diff_id)).diff_id, diff_id);
        std::filesystem::remove(dir / "a");
        std::filesystem::remove(dir / "b");
    }
}

}  // namespace
}  // namespace crank::store::test
