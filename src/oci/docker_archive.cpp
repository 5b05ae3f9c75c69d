#include "oci/docker_archive.h"

#include "oci/json_reader.h"
#include "oci/json_writer.h"

namespace crank::oci {

namespace {

constexpr std::size_t kMaxImages = 1000, kMaxLayers = 127;

Result<DockerArchiveImage> read_image(const Json& value, const std::string& path) {
    auto in = TRY(ObjectReader::create(value, path, Code::corrupt));
    DockerArchiveImage image;
    TRY(in.require("Config"));
    TRY(in.read("Config", image.config));
    TRY(in.read("RepoTags", image.repo_tags));
    TRY(in.read("Layers", image.layers));
    if (image.layers.size() > kMaxLayers) return in.bad("Layers", "has more than 127 layers");
    return image;
}

}  // namespace

Result<std::vector<DockerArchiveImage>> parse_docker_archive(std::string_view json) {
    auto read = [&]() -> Result<std::vector<DockerArchiveImage>> {
        Json root = TRY(parse_json(json, Code::corrupt));
        if (!root.is_array()) return fail(Code::corrupt, "the document is not a list");
        if (root.size() > kMaxImages) return fail(Code::corrupt, "it lists more than 1000 images");
        std::vector<DockerArchiveImage> images;
        for (std::size_t i = 0; i < root.size(); ++i)
            images.push_back(TRY(read_image(root[i], "[" + std::to_string(i) + "]")));
        return images;
    };
    return TRY_IN(read(), "manifest.json");
}

std::string serialize(const std::vector<DockerArchiveImage>& images) {
    Json out = Json::array();
    for (const DockerArchiveImage& image : images)
        out.push_back(
            {{"Config", image.config}, {"RepoTags", image.repo_tags}, {"Layers", image.layers}});
    return text_of(out);
}

}  // namespace crank::oci
