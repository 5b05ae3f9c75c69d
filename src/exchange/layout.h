// OCI image layouts (image-spec v1.1, image-layout.md), docker's archives and skopeo's directories:
// which images they hold. Internal to exchange.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exchange/incoming.h"
#include "oci/image.h"

namespace crank::exchange {

// Which of the images.
struct Selection {
    // `all`: every one that fits the platform. `one`: the one of that name, or the only one.
    enum class Count : std::uint8_t { all, one } count = Count::all;
    std::string name;        // of one: as the layout has it, or as a person writes it
    oci::Platform platform;  // of an image for several; registry::host_platform()
};

// Errors: corrupt, unsupported (no image, or none for the platform; a manifest that is no image),
// not_found (none of that name, with those there are), invalid_argument (several, which are named).
Result<std::vector<IncomingImage>> read_layout(std::shared_ptr<const Files> files,
                                               const Selection& selection);
Result<std::vector<IncomingImage>> read_docker_archive(std::shared_ptr<const Files> files,
                                                       const Selection& selection);
// An archive of either kind, by what is in it.
Result<std::vector<IncomingImage>> read_archive(std::shared_ptr<const Files> files,
                                                const Selection& selection);
// What skopeo calls dir: manifest.json, and the blobs under their digests' digits.
Result<std::vector<IncomingImage>> read_skopeo_dir(std::shared_ptr<const Files> files,
                                                   const Selection& selection);

}  // namespace crank::exchange
