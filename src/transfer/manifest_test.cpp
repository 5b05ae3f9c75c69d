#include "transfer/manifest.h"

#include <gtest/gtest.h>

namespace crank::transfer {
namespace {

std::string config_of(const std::string& os, int layers) {
    oci::ImageConfig config;
    config.platform = {"amd64", os, ""};
    for (int i = 0; i < layers; ++i)
        config.diff_ids.push_back(oci::Digest::of("layer " + std::to_string(i)));
    return oci::serialize(config);
}

std::string manifest_of(const std::string& config, int layers) {
    std::vector<store::Store::Blob> blobs;
    for (int i = 0; i < layers; ++i)
        blobs.push_back({oci::Digest::of("blob " + std::to_string(i)),
                         {},
                         1,
                         std::string(oci::kMediaTypeLayerGzip)});
    return oci::serialize(make_manifest(oci::Digest::of(config),
                                        static_cast<std::int64_t>(config.size()), blobs,
                                        store::Compression::gzip));
}

TEST(RemoteImage, IsCheckedAgain) {
    std::string config = config_of("linux", 2), manifest = manifest_of(config, 2);
    auto image = check_image(manifest, config).value();
    EXPECT_EQ(image.id, oci::Digest::of(config));
    EXPECT_EQ(image.manifest_digest, oci::Digest::of(manifest));
    EXPECT_EQ(image.manifest.annotations.at("io.crank.encoder"), "gzip-1");

    EXPECT_EQ(check_image(manifest, config + " ").error().code(), Code::corrupt);
    EXPECT_EQ(check_image(manifest_of(config, 1), config).error().code(), Code::corrupt);
    std::string windows = config_of("windows", 1);
    EXPECT_EQ(check_image(manifest_of(windows, 1), windows).error().code(), Code::unsupported);
    EXPECT_FALSE(check_image("{}", config));
    EXPECT_FALSE(check_image(manifest, ""));
}

TEST(RemoteImage, ManifestsAreTheSameOnEveryMachine) {
    std::string config = config_of("linux", 1);
    EXPECT_EQ(oci::Digest::of(manifest_of(config, 1)).str(),
              "sha256:633fd8f3367fa4e7ea49c666303d38faf758d39dfe30fce4874ddf34d990d59e");
}

}  // namespace
}  // namespace crank::transfer
