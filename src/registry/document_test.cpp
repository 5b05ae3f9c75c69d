#include "registry/document.h"

#include <gtest/gtest.h>

namespace crank::registry {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string descriptor(const std::string& type, const std::string& extra = "") {
    return R"({"mediaType":")" + type + R"(","digest":")" + kDigest + R"(","size":1)" + extra + "}";
}
const std::string kConfig = descriptor(std::string(oci::kMediaTypeConfig));

std::string manifest(const std::string& extra = "", const std::string& layers = "") {
    return R"({"schemaVersion":2,"config":)" + kConfig + R"(,"layers":[)" + layers + "]" + extra +
           "}";
}

TEST(Document, KnowsManifestsAndIndexes) {
    EXPECT_EQ(classify(oci::kMediaTypeManifest, manifest()).value(), DocumentKind::manifest);
    EXPECT_EQ(classify(std::string(kDockerManifest) + "; charset=utf-8",
                       manifest(R"(,"mediaType":")" + std::string(kDockerManifest) + "\""))
                  .value(),
              DocumentKind::manifest);
    EXPECT_EQ(classify(oci::kMediaTypeIndex, R"({"schemaVersion":2,"manifests":[]})").value(),
              DocumentKind::index);
}

TEST(Document, RefusesWhatTwoReadersWouldReadDifferently) {
    std::string both = manifest(R"(,"manifests":[])");
    for (auto type : {oci::kMediaTypeManifest, oci::kMediaTypeIndex})
        EXPECT_EQ(classify(type, both).error().code(), Code::corrupt);
    EXPECT_FALSE(
        classify(oci::kMediaTypeManifest,
                 manifest(R"(,"mediaType":")" + std::string(oci::kMediaTypeIndex) + "\"")));
    EXPECT_FALSE(classify(kDockerManifest, manifest(R"(,"mediaType":")" +
                                                    std::string(oci::kMediaTypeManifest) + "\"")));
    EXPECT_FALSE(classify("application/json", manifest()));
    EXPECT_FALSE(classify("", manifest()));
    EXPECT_FALSE(classify(oci::kMediaTypeManifest, manifest(R"(,"config":{})")));
    EXPECT_FALSE(classify(oci::kMediaTypeManifest, std::string(kMaxDocument + 1, ' ')));
    EXPECT_EQ(classify("application/vnd.docker.distribution.manifest.v1+json", "{}").error().code(),
              Code::unsupported);
}

TEST(Document, RefusesDigestsThatArePaths) {
    for (const char* bad : {"sha256:../../etc/passwd", "sha256:", "../..", "sha256:AAAA"}) {
        std::string text = R"({"schemaVersion":2,"config":)" + kConfig + R"(,"layers":[)" +
                           R"({"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")" +
                           bad + R"(","size":1}]})";
        EXPECT_FALSE(classify(oci::kMediaTypeManifest, text)) << bad;
    }
}

TEST(Document, RefusesArtifactsAndUnknownLayers) {
    std::string artifact = R"({"schemaVersion":2,"config":)" +
                           descriptor("application/vnd.cncf.helm.config.v1+json") +
                           R"(,"layers":[]})";
    EXPECT_EQ(classify(oci::kMediaTypeManifest, artifact).error().code(), Code::unsupported);
    EXPECT_FALSE(classify(oci::kMediaTypeManifest, manifest("", descriptor("text/plain"))));
    // `urls` are read by nobody
    EXPECT_TRUE(classify(
        oci::kMediaTypeManifest,
        manifest("", descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                                R"(,"urls":["https://evil.test/"])"))));
}

TEST(Document, LayersHaveOneNameInOciManifests) {
    EXPECT_EQ(oci_layer_type("application/vnd.docker.image.rootfs.diff.tar.gzip"),
              oci::kMediaTypeLayerGzip);
    EXPECT_EQ(oci_layer_type(oci::kMediaTypeLayerZstd), oci::kMediaTypeLayerZstd);
}

TEST(Document, SelectsTheImageOfAPlatform) {
    oci::Index index;
    auto add = [&](const char* os, const char* architecture, const char* variant, const char* id) {
        oci::Descriptor d;
        d.media_type = oci::kMediaTypeManifest;
        d.platform = oci::Platform{architecture, os, variant};
        d.annotations["id"] = id;
        index.manifests.push_back(d);
    };
    add("unknown", "unknown", "", "attestation");
    add("linux", "arm", "v6", "v6");
    add("linux", "arm", "v7", "v7");
    add("linux", "amd64", "", "amd64");
    add("linux", "arm64", "v8", "arm64");
    auto chosen = [&](const char* platform) {
        auto found = select(index, parse_platform(platform).value());
        return found ? found->annotations["id"] : found.error().text();
    };
    EXPECT_EQ(chosen("linux/amd64"), "amd64");
    EXPECT_EQ(chosen("linux/x86_64"), "amd64");
    EXPECT_EQ(chosen("arm64"), "arm64");
    EXPECT_EQ(chosen("linux/arm/v7"), "v7");
    EXPECT_EQ(chosen("linux/s390x"),
              "there is no image for linux/s390x, only for linux/arm/v6, linux/arm/v7, "
              "linux/amd64, linux/arm64/v8");
    EXPECT_FALSE(parse_platform(""));
    EXPECT_FALSE(parse_platform("linux/a/b/c"));
    EXPECT_FALSE(parse_platform("linux/../x"));
}

TEST(Document, an_index_in_a_file_is_told_by_what_stands_in_it) {
    EXPECT_TRUE(is_index_document(R"({"schemaVersion":2,"manifests":[]})").value());
    EXPECT_TRUE(
        is_index_document(R"({"mediaType":")" + std::string(kDockerIndex) + R"("})").value());
    EXPECT_FALSE(is_index_document(manifest()).value());
    EXPECT_FALSE(is_index_document("{}").value());
    EXPECT_EQ(is_index_document("[]").error().code(), Code::corrupt);
    EXPECT_EQ(is_index_document("").error().code(), Code::corrupt);
}

}  // namespace
}  // namespace crank::registry
