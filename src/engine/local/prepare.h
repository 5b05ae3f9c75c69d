// The first half of a start: everything that is known before anything is made.
#pragma once

#include <string>

#include "base/error.h"
#include "engine/ids/lease.h"
#include "engine/local/devices.h"
#include "engine/local/spec.h"
#include "engine/local/start.h"
#include "oci/users.h"
#include "runtime/plan.h"
#include "store/store.h"

namespace crank::engine::local {

struct Image {
    store::Image stored;
    std::string shown;  // as a person would write it
    std::string alias;  // what the alias stood for; empty: none was used
    store::Pin pin;     // its layers stay while this is held
};
// By what was typed, or by what the configuration's alias says it stands for. Errors: not_found.
Result<Image> find_image(const Paths& paths, const Config& config, const std::string& typed);
// Whom its process is: the image's user, or the options'. Errors: not_found (no such user there).
Result<oci::UserEntry> worker_of(const Image& image, const RunOptions& options);
// What `typed` stands for in the configuration; nothing: itself.
std::optional<std::string> alias_of(const Config& config, const std::string& typed);
// find_image(), with the request's fetch_image in between where it is not there.
Result<Image> find_or_fetch(const StartRequest& request);

struct Prepared {
    runtime::HostFacts host;
    Image image;
    SpecResult made;
    runtime::Rootfs rootfs;
    int landlock = 0;  // the version that the kernel has, where it is asked for
    Devices devices;
    std::optional<ids::Lease> ids = {};
    std::string spec_without_devices = {};  // JSON; empty: it has none
};
Result<runtime::HostFacts> host_for_containers();
Result<Prepared> prepare(const StartRequest& request, const runtime::HostFacts& host, Image image,
                         const std::string& id, const std::optional<ids::Lease>& ids);
// A container's own layer above its image's.
runtime::Rootfs rootfs_of(const Paths& paths, const store::LayerStack& layers,
                          const std::string& id, const Settings& settings, bool throw_away);
// The container's ids, where it gets some. Given back with the container.
Result<std::optional<ids::Lease>> lease_ids(const StartRequest& request, const std::string& id);
// As they may be, for --explain.
Result<std::optional<ids::Lease>> imagine_ids(const StartRequest& request);

}  // namespace crank::engine::local
