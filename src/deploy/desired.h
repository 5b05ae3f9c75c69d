// A typed project as what the planner compares: pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "deploy/plan.h"
#include "engine/networks/definition.h"
#include "engine/project_labels.h"

namespace crank::deploy {

// Docker's labels, by which containers, networks and volumes are found again.
inline constexpr std::string_view kProjectLabel = engine::kProjectLabel,
                                  kServiceLabel = engine::kServiceLabel,
                                  kNumberLabel = "com.docker.compose.container-number",
                                  kHashLabel = "com.docker.compose.config-hash",
                                  kOneOffLabel = "com.docker.compose.oneoff",
                                  kDependsLabel = "com.docker.compose.depends_on",
                                  kDirectoryLabel = "com.docker.compose.project.working_dir",
                                  kFilesLabel = "com.docker.compose.project.config_files",
                                  kNetworkLabel = "com.docker.compose.network",
                                  kVolumeLabel = "com.docker.compose.volume";

// The directory that its driver_opts name; empty: crank's own. Errors: as `crank volume create -o`.
Result<std::string> device_of(const compose::Volume& volume);
// What `crank network create` would be given for it, without labels of the project.
engine::networks::Asked asked_of(const compose::Network& network);

// Empty: it has none of that name.
std::string label_of(const std::map<std::string, std::string>& labels, std::string_view name);

struct Selection {
    std::vector<std::string> services;             // empty: all
    bool dependencies = true;                      // with those they depend on
    std::map<std::string, std::int64_t> replicas;  // --scale
};

// Whether the project's gateway holds it: a TCP port with a number of its own, of a service on
// networks of its own. `mode: host` says no.
bool is_held(const compose::Service& service, const compose::Port& port);
// What is said in the place of a native worker's image, as engine::native has it.
inline constexpr const char* kNativeImage = "native";
// Of a native worker, the digest of the directory that its release is; not there: it has none.
inline constexpr std::string_view kNativeLabel = "crank.native.directory";
// Of a native worker that uses a GPU.
inline constexpr std::string_view kNativeGpuLabel = "crank.native.gpu";
// Whether a service is there for a GPU that nobody can take out of its sight.
bool has_native_gpu(const compose::Service& service);
// Whether its native releases are directories of their own: copies of a build's context or of
// x-crank.native.directory.
bool has_directory(const compose::Service& service);
// Of a native worker: nothing that the file says of it forbids that it stands still, frozen. Its
// record cannot tell, as a container's mounts and devices do.
inline constexpr std::string_view kMayFreezeLabel = "crank.native.may-freeze";
// Whether a service that runs natively may: it has ports that are its own instance's, writes to no
// directory beside that of its release, and has no device. Pure.
bool may_stand_still(const compose::Service& service);
// "8080", "127.0.0.1:8080", "[::1]:8080".
std::string shown(const compose::Port& port);

// "app" and "app:latest" are one image.
std::string whole_name(const std::string& image);

// Tells whether a container is still what the file says: of what it is made from.
std::string config_hash(const std::string& identity);

// Ids of images are filled in by who knows them. Errors: not_found (a service that is selected or
// scaled, with the nearest name), invalid_argument (more than one with container_name).
Result<Desired> desired_of(const compose::Project& project, const compose::TypedProject& types,
                           const Selection& selection);

}  // namespace crank::deploy
