#include "deploy/ending.h"

#include "deploy/kept_logs.h"
#include "deploy/service_hooks.h"
#include "engine/lifecycle.h"
#include "engine/names.h"
#include "engine/pause.h"
#include "engine/volume.h"

namespace crank::deploy {

namespace volumes = engine::volumes;

Result<void> stop_container(const World& world, const engine::Container& container) {
    std::string name = engine::shown_name(container.record);
    run_pre_stop(world, container);
    auto stopped = TRY(engine::stop(world.paths, container, {.timeout = world.stop_seconds}));
    int seconds = world.stop_seconds.value_or(container.record.stop_timeout);
    if (stopped == engine::Stopped::killed && seconds != 0)
        world.hooks.warn("container " + name + " did not end within " + std::to_string(seconds) +
                         " s of " + container.record.stop_signal + ": it was killed");
    return {};
}

Result<void> end_container(const World& world, const engine::Container& container) {
    if (container.state.paused) {
        TRY(engine::thaw(world.paths, container));
        return end_container(world, TRY(engine::find(world.paths, container.record.id)));
    }
    TRY(stop_container(world, container));
    keep_log(world.paths, container);
    Result<void> removed = engine::remove(world.paths, container, true);
    if (!removed && removed.error().code() != Code::not_found) return removed;
    return volumes::release(
        world.paths, container.record,
        world.anonymous_volumes ? volumes::Anonymous::removed : volumes::Anonymous::kept);
}

}  // namespace crank::deploy
