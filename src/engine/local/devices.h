// The devices of --gpus and --device in a container: its configuration, and the file by which its
// linker finds a driver's libraries.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "engine/local/spec.h"
#include "engine/local/start.h"
#include "oci/runtime_spec.h"
#include "runtime/plan.h"
#include "store/store.h"

namespace crank::engine::local {

struct Devices {
    // For the container's own layer; empty: the image's stays.
    std::string ld_cache, ld_conf;
    // Of the image's /etc and /etc/ld.so.conf.d, which the layer's own ones stand for.
    struct Owner {
        std::uint32_t mode = 0755, uid = 0, gid = 0;
    } etc, conf_dir;
};

// Changes made.spec and adds to made.warnings. Errors: those of gpu::resolve and cdi::apply.
Result<Devices> add_devices(const StartRequest& request, const runtime::HostFacts& host,
                            const store::Image& image, SpecResult& made);

// Into the new, empty upper directory: nothing of the image's lies in the way.
Result<> write_ld_cache(const Devices& devices, const std::string& upper);

}  // namespace crank::engine::local
