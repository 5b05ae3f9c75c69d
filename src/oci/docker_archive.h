// manifest.json of `docker save`'s archives (moby, image/tarexport): which files of the archive are
// an image's configuration and layers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::oci {

struct DockerArchiveImage {
    std::string config;                  // path in the archive
    std::vector<std::string> repo_tags;  // as a person writes them: "python:3.11-slim"
    std::vector<std::string> layers;     // paths in the archive, lowest first
    bool operator==(const DockerArchiveImage&) const = default;
};

// Hostile input, with the limits of image.h; at most 1000 images. Errors: corrupt.
Result<std::vector<DockerArchiveImage>> parse_docker_archive(std::string_view json);
std::string serialize(const std::vector<DockerArchiveImage>& images);  // canonical, see image.h

}  // namespace crank::oci
