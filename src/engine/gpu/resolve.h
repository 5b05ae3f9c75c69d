// From what was asked for to what a container gets: CDI files first, the live driver where there is
// none for a vendor. Looked up at every start (docs/decisions/0027).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/config.h"
#include "engine/gpu/host.h"
#include "engine/gpu/ld_cache.h"
#include "oci/cdi.h"

namespace crank::engine::gpu {

// Where to look; `cdi.dirs` and `gpu.driver-root` of the configuration.
struct Places {
    std::vector<std::string> cdi_dirs;  // the later one counts more
    Host host;
};
Places places_of(const Config& config, const std::string& architecture);

// Every *.json and *.yaml of the directories; a missing directory is empty. What cannot be read is
// kept by name: it matters only to whoever asks for a device that is not found.
oci::cdi::Registry read_cdi(const std::vector<std::string>& dirs);

struct Wanted {
    std::string gpus;                  // --gpus as typed; empty: none
    std::vector<std::string> devices;  // --device as typed
    bool any() const { return !gpus.empty() || !devices.empty(); }
};

struct Resolved {
    oci::cdi::Edits edits;
    std::vector<LdEntry> libraries;  // for the container's /etc/ld.so.cache
    std::vector<std::string> names;  // of the devices, "nvidia.com/gpu=0"
};

// What a request may be met from: `count` of these.
struct Choice {
    struct Gpu {
        std::string name;  // "nvidia.com/gpu=0"
        // What is its own, since it has several names: "/dev/nvidia0". Its name where a CDI file
        // says of no node.
        std::set<std::string> nodes;
    };
    std::vector<Gpu> from;  // in the order in which they are given away
    std::size_t count = 0;
};
// Of --gpus, and of each --device that is a name: a path says of nothing whether two may have it.
// Errors: as resolve().
Result<std::vector<Choice>> choices_of(const Wanted& wanted, const Places& places);
// --gpus for these names of one vendor: "device=0,1" and its driver.
std::string request_for(const std::vector<std::string>& names);

// Errors name the flag as it was typed, what was looked for and what there is.
Result<Resolved> resolve(const Wanted& wanted, const Places& places);

}  // namespace crank::engine::gpu
