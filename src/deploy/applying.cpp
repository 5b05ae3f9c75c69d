#include "deploy/applying.h"

#include <algorithm>
#include <utility>

#include "base/crash_point.h"
#include "base/undo.h"
#include "deploy/batch.h"
#include "deploy/desired.h"
#include "deploy/ending.h"
#include "deploy/last_lines.h"
#include "deploy/pre_start.h"
#include "deploy/proof.h"
#include "deploy/replacing.h"
#include "deploy/wait.h"
#include "engine/events.h"
#include "engine/lifecycle.h"
#include "engine/names.h"
#include "engine/networks/store.h"
#include "engine/rename.h"
#include "engine/volume.h"

namespace crank::deploy {
namespace {

namespace networks = engine::networks;
namespace volumes = engine::volumes;

template <class T>
const T* by_key(const std::vector<T>& all, const std::string& key) {
    for (const T& one : all)
        if (one.key == key) return &one;
    return nullptr;
}

Result<void> ignore_absent(Error error) {
    return error.code() == Code::not_found ? Result<void>() : fail(std::move(error));
}

// On another service.
class Depending : public Pending {
public:
    Depending(const World& world, const Step& step)
        : world_(world),
          step_(step),
          waiting_(world, step.awaited.service,
                   step.awaited.condition == compose::Dependency::Condition::healthy
                       ? Awaited::healthy
                       : Awaited::completed,
                   "dependency failed to start") {}

    Result<bool> look() override {
        Result<bool> waited = waiting_.look();
        if (!waited && step_.awaited.required) return waited;
        if (waited && !*waited) return false;
        if (!waited) world_.hooks.warn(waited.error().text() + " (it is not required)");
        world_.hooks.done(step_);
        return true;
    }

private:
    const World& world_;
    const Step& step_;
    ServiceWaiting waiting_;
};

}  // namespace

std::size_t count_at_once(std::span<const Step> steps) {
    const Step& first = steps.front();
    std::size_t count = 1;
    auto belongs = [&](const Step& step) {
        if (step.action != first.action || step.service != first.service) return false;
        return first.action == Action::create ||
               (first.action == Action::recreate && step.together);
    };
    while (count < steps.size() && belongs(steps[count])) count++;
    return count;
}

Result<std::unique_ptr<Pending>> Applying::begin(std::span<const Step> steps) {
    const Step& step = steps.front();
    TRY(prepare_for(step.action));
    switch (step.action) {
        case Action::recreate: return begin_batch(steps);
        case Action::create: return begin_creating(steps);
        case Action::wait: return begin_waiting(step);
        case Action::start:
            if (!step.pre_start.empty()) return begin_after_pre_start(steps);
            break;
        default: break;
    }
    return begin_at_once(step);
}

Result<std::unique_ptr<Pending>> Applying::begin_at_once(const Step& step) {
    world_.hooks.begun(step);
    TRY(carry_out(step));
    world_.hooks.done(step);
    return nullptr;
}

Result<std::unique_ptr<Pending>> Applying::begin_after_pre_start(std::span<const Step> steps) {
    return std::make_unique<AfterPreStart>(
        world_, steps, [this, steps]() -> Result<std::unique_ptr<Pending>> {
            return steps.front().action == Action::create ? make_all(steps)
                                                          : begin_at_once(steps.front());
        });
}

Result<std::unique_ptr<Pending>> Applying::begin_batch(std::span<const Step> steps) {
    auto batch = std::make_unique<Batch>(
        world_, traffic_, warm_, failures_,
        [this](const Step& step, const std::string& id) { return probation_.add(step, id); });
    TRY(batch->begin(steps));
    return batch;
}

Result<std::unique_ptr<Pending>> Applying::begin_creating(std::span<const Step> steps) {
    bool prepares =
        std::ranges::any_of(steps, [](const Step& step) { return !step.pre_start.empty(); });
    return prepares ? begin_after_pre_start(steps) : make_all(steps);
}

Result<std::unique_ptr<Pending>> Applying::make_all(std::span<const Step> steps) {
    auto creating = std::make_unique<Creating>(world_, traffic_);
    TRY(creating->begin(steps));
    return creating;
}

std::unique_ptr<Pending> Applying::begin_waiting(const Step& step) {
    world_.hooks.begun(step);
    return std::make_unique<Depending>(world_, step);
}

Result<void> Applying::end() {
    TRY(traffic_.end_if_unused());
    return failures_.check();
}

Result<void> Applying::carry_out(const Step& step) {
    switch (step.action) {
        case Action::build: return world_.hooks.build(*world_.project.find(step.service));
        case Action::prepare: return world_.hooks.prepare(*world_.project.find(step.service));
        case Action::pull: return world_.hooks.pull(step.object);
        case Action::create_network: return create_network(step);
        case Action::create_volume: return create_volume(step);
        case Action::publish: return traffic_.publish(step);
        case Action::unpublish: return traffic_.unpublish(step);
        case Action::lead: return traffic_.lead(step.service);
        case Action::finish: return finish(step);
        case Action::restart: return restart(step);
        case Action::rename: return engine::rename(world_.paths, step.container, step.object);
        case Action::start: return start(step.service, step.container);
        case Action::remove: return remove(TRY(engine::find(world_.paths, step.container)));
        case Action::cool: return cool(step);
        case Action::withdraw: return addresses_.withdraw(step);
        case Action::remove_network: return remove_network(step);
        case Action::remove_volume: return remove_volume(step);
        // They wait (begin).
        case Action::wait:
        case Action::create:
        case Action::recreate: break;
    }
    return {};
}

// Once, when networks are there and before anything runs on them.
Result<void> Applying::prepare_for(Action action) {
    switch (action) {
        case Action::lead:
        case Action::create:
        case Action::recreate:
        case Action::finish:
        case Action::restart:
        case Action::start: break;
        default: return {};
    }
    if (std::exchange(prepared_, true)) return {};
    TRY(addresses_.prepare());
    crash_point("deploy.addressed");
    return {};
}

Result<void> Applying::create_network(const Step& step) {
    const compose::Network& network = *by_key(world_.project.networks, step.service);
    networks::Asked asked = asked_of(network);
    asked.labels[std::string(kProjectLabel)] = world_.desired.project;
    asked.labels[std::string(kNetworkLabel)] = network.key;
    asked.labels[std::string(kHashLabel)] = by_key(world_.desired.networks, network.key)->hash;
    networks::sweep(world_.paths, world_.home);
    networks::Definition made =
        TRY_IN(networks::create(world_.paths, asked, world_.home), "networks." + network.key);
    note_network(made, "create");
    return {};
}

void Applying::note_network(const networks::Definition& network, const std::string& action) {
    engine::note_event(world_.paths, {.type = "network",
                                      .action = action,
                                      .id = network.id,
                                      .attributes = {{"name", network.name}, {"type", "bridge"}}});
}

Result<void> Applying::create_volume(const Step& step) {
    const compose::Volume& volume = *by_key(world_.project.volumes, step.service);
    volumes::Volume made{.name = volume.name, .labels = volume.labels};
    made.device = TRY(device_of(volume));
    made.labels[std::string(kProjectLabel)] = world_.desired.project;
    made.labels[std::string(kVolumeLabel)] = volume.key;
    const std::string& hash = by_key(world_.desired.volumes, volume.key)->hash;
    if (!hash.empty()) made.labels[std::string(kHashLabel)] = hash;
    TRY_IN(volumes::create(world_.paths, made), "volumes." + volume.key);
    return {};
}

Result<void> Applying::start(const std::string& service, const std::string& id) {
    return start_again(world_, traffic_, service, id);
}

Result<void> Applying::restart(const Step& step) {
    engine::Container container = TRY(engine::find(world_.paths, step.container));
    Result<void> stopped = traffic_.take_out(container);
    if (stopped) stopped = stop_container(world_, container);
    if (stopped) return start(step.service, step.container);
    Undo undo;
    undo.add([this, &step] { return traffic_.lead(step.service); });
    return fail(undo.run(std::move(stopped.error())));
}

Result<void> Applying::remove(const engine::Container& container) {
    TRY(traffic_.take_out(container));
    return end_container(world_, container);
}

Result<void> Applying::cool(const Step& step) {
    auto found = engine::find(world_.paths, step.container);
    if (!found) return ignore_absent(std::move(found.error()));
    return end_container(world_, *found);
}

Result<void> Applying::finish(const Step& step) {
    Undo undo;
    undo.add([this, &step] { return engine::rename(world_.paths, step.container, step.object); });
    undo.add([this, &step] { return discard(world_.paths, step.next); });
    undo.add([this, &step]() -> Result<void> {
        return traffic_.take_out(TRY(engine::find(world_.paths, step.next)));
    });
    engine::Container old = TRY(engine::find(world_.paths, step.container));
    Proof proof(world_, traffic_, step.service, step.next, traffic_.answering(old),
                "the old container of " + step.object + " stays");
    Result<void> proved = wait_until(world_, [&] { return proof.look(); });
    if (proved) proved = traffic_.lead(step.service, {step.container});
    if (!proved) {
        Error error = with_last_lines(std::move(proved).error(), world_.paths, step.next);
        return fail(undo.run(std::move(error)));
    }
    undo.commit();
    return remove(TRY(engine::find(world_.paths, step.container)));
}

Result<void> Applying::remove_network(const Step& step) {
    Result<networks::Definition> network = networks::find(world_.paths, step.object);
    if (!network) return ignore_absent(std::move(network.error()));
    Result<void> removed = networks::remove(world_.paths, *network, world_.home);
    if (!removed) return tell_in_use(std::move(removed.error()));
    note_network(*network, "destroy");
    return {};
}

Result<void> Applying::remove_volume(const Step& step) {
    Result<void> removed = volumes::remove(world_.paths, step.object);
    return removed ? Result<void>() : tell_in_use(std::move(removed.error()));
}

// By containers that are not the project's.
Result<void> Applying::tell_in_use(Error error) {
    if (error.code() != Code::in_use) return ignore_absent(std::move(error));
    world_.hooks.warn(error.text());
    return {};
}

}  // namespace crank::deploy
