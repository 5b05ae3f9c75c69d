#include "deploy/surroundings.h"

#include "engine/gpu/drm.h"
#include "engine/gpu/host.h"
#include "engine/gpu/nvidia.h"
#include "engine/local/prepare.h"

namespace crank::deploy {

compose::Surroundings look_around() {
    compose::Surroundings here;
    // Crank's own user namespace, where a user without root has one, counts as root's rights.
    here.containers = engine::local::host_for_containers().has_value();
    engine::gpu::Host host("/", "");
    if (engine::gpu::find_nvidia(host).loaded()) here.gpus.insert("nvidia");
    if (!engine::gpu::find_drm(host, engine::gpu::kAmdVendor).empty()) here.gpus.insert("amd");
    if (!engine::gpu::find_drm(host, engine::gpu::kIntelVendor).empty()) here.gpus.insert("intel");
    return here;
}

}  // namespace crank::deploy
