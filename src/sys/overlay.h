// An overlay file system that only this process sees.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// A directory or file of the host's at a place in the overlay.
struct PlacedMount {
    std::string source;       // absolute
    std::string destination;  // in the overlay, resolved there; made where it is missing
    bool read_only = false;
};

struct OverlayRequest {
    std::string base;                // absolute: what relative paths below are relative to
    std::vector<std::string> lower;  // top first, at least one (two where upper is empty)
    std::string upper, work;         // absolute; both empty: read-only
    std::string target;              // absolute, an existing directory to mount on
    bool lasting = false;            // upper must survive a power cut
    std::vector<PlacedMount> mounts = {};
};

// Mounts it in a mount namespace that ends at once and returns its root as a readable directory:
// the mount lives as long as descriptors into it do, and no other process can reach it by a path.
// The upper directory is plain afterwards (redirect_dir, metacopy and index are off) and need not
// survive a power cut (volatile) unless it is lasting. With mounts the descriptor is O_PATH, and
// they go with it. Needs CAP_SYS_ADMIN.
Result<UniqueFd> open_overlay(const OverlayRequest& request);

// Something inside of one as a detached mount, for another mount namespace: `path` is resolved as a
// process whose root it is would (open_in_root, file.h). Errors: not_found.
Result<UniqueFd> clone_overlay(const OverlayRequest& request, const std::string& path);

// The same of layers whose ids a user namespace maps, with the mount(2) options given: a detached
// mount. The layers are seen through one id-mapped mount of `base`, the upper directory too: on the
// disk are the ids of the user namespace, so that what is written needs no translation afterwards.
// unsupported: the file system of `base` cannot (Linux 5.12; overlay over such mounts: 5.19).
struct MappedOverlay {
    std::string base;         // absolute: what relative paths in the options are relative to
    std::string options;      // lowerdir=...,upperdir=...
    std::string target;       // absolute, an existing directory
    std::uint64_t flags = 0;  // MS_*
    int user_namespace = -1;
    uid_t uid = 0;  // the caller's ids that the user namespace's root has
    gid_t gid = 0;
};
Result<UniqueFd> clone_mapped_overlay(const MappedOverlay& request);

}  // namespace crank::sys
