// An overlay file system that only this process sees.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

struct OverlayRequest {
    std::string base;                // absolute: what relative paths below are relative to
    std::vector<std::string> lower;  // top first, at least one (two where upper is empty)
    std::string upper, work;         // absolute; both empty: read-only
    std::string target;              // absolute, an existing directory to mount on
};

// Mounts it in a mount namespace that ends at once and returns its root as a readable directory:
// the mount lives as long as descriptors into it do, and no other process can reach it by a path.
// The upper directory is plain afterwards (redirect_dir, metacopy and index are off) and need not
// survive a power cut (volatile). Needs CAP_SYS_ADMIN.
Result<UniqueFd> open_overlay(const OverlayRequest& request);

}  // namespace crank::sys
