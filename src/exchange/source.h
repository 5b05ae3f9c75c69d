// Where an image is to come from, as a person writes it: "oci:/srv/layout:1.2". Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace crank::exchange {

// The words are those of containers-transports(5), so that what is written for skopeo and podman
// means the same.
enum class Transport : std::uint8_t {
    oci,                 // oci:DIR[:TAG]
    oci_archive,         // oci-archive:FILE[:TAG]
    docker_archive,      // docker-archive:FILE[:NAME]
    dir,                 // dir:DIR
    docker_daemon,       // docker-daemon:NAME; docker://NAME, which is no registry here
    containers_storage,  // containers-storage:[[DRIVER@ROOT]]NAME
};

struct Source {
    Transport transport = Transport::oci;
    std::string path;    // of a file or a directory; of containers-storage: its root, may be empty
    std::string driver;  // of containers-storage; may be empty
    std::string name;    // of the image; may be empty
    bool operator==(const Source&) const = default;
};

// Nothing: the text begins with no transport, so it is a file. Errors: usage.
Result<std::optional<Source>> parse_source(std::string_view text);

// "oci", "oci-archive", ...
std::span<const std::string_view> transport_names();

}  // namespace crank::exchange
