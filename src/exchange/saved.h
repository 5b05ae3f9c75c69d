// Images on their way out of the store. Internal to exchange.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "oci/image.h"
#include "store/store.h"

namespace crank::exchange {

inline constexpr std::string_view kOciLayout = R"({"imageLayoutVersion":"1.0.0"})";

// The names of an image in a layout's index: the specification's (image-layout.md, "annotations"),
// and containerd's, which has the whole reference.
inline constexpr const char* kRefName = "org.opencontainers.image.ref.name";
inline constexpr const char* kContainerdName = "io.containerd.image.name";

struct SavedImage {
    store::Image image;
    std::string config_json;
    std::set<std::string> tags;        // full references that were asked for
    std::vector<store::Layer> layers;  // lowest first
};

// Each image once, sorted by id, with the tags among `names`. Errors: not_found, corrupt.
Result<std::vector<SavedImage>> select_images(store::Store& store,
                                              const std::vector<std::string>& names);

// The image's manifest with uncompressed layers: the one it came with, where that is one; else a
// new one.
struct SavedManifest {
    oci::Descriptor descriptor;
    std::string json;
};
Result<SavedManifest> oci_manifest(store::Store& store, const SavedImage& saved);

// The manifest as an index names it. `tag` is a full reference.
oci::Descriptor named(oci::Descriptor manifest, const std::string& tag, std::string ref_name);
// "1.2" of "docker.io/library/x:1.2"
std::string tag_of(const std::string& reference);

}  // namespace crank::exchange
