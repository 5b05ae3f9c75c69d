#include "deploy/apply.h"

#include <algorithm>
#include <utility>

#include "base/crash_point.h"
#include "base/text.h"
#include "base/undo.h"
#include "deploy/addresses.h"
#include "deploy/canary.h"
#include "deploy/container.h"
#include "deploy/desired.h"
#include "deploy/ending.h"
#include "deploy/last_lines.h"
#include "deploy/observe.h"
#include "deploy/service_hooks.h"
#include "deploy/traffic.h"
#include "deploy/wait.h"
#include "deploy/warm.h"
#include "engine/asked.h"
#include "engine/events.h"
#include "engine/lifecycle.h"
#include "engine/names.h"
#include "engine/rename.h"
#include "engine/start_existing.h"
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

class Applying {
public:
    explicit Applying(const World& world)
        : world_(world), traffic_(world), addresses_(world), warm_(world, traffic_) {}

    Result<void> step(const Step& step) {
        TRY(prepare_for(step.action));
        switch (step.action) {
            case Action::build: return world_.hooks.build(*world_.project.find(step.service));
            case Action::prepare: return world_.hooks.prepare(*world_.project.find(step.service));
            case Action::pull: return world_.hooks.pull(step.object);
            case Action::create_network: return create_network(step);
            case Action::create_volume: return create_volume(step);
            case Action::publish: return traffic_.publish(step);
            case Action::unpublish: return traffic_.unpublish(step);
            case Action::lead: return traffic_.lead(step.service);
            case Action::wait: return wait(step);
            case Action::create: return create(step);
            case Action::recreate: return recreate(step);
            case Action::finish: return finish(step);
            case Action::restart: return restart(step);
            case Action::rename: return engine::rename(world_.paths, step.container, step.object);
            case Action::start: return start(step.service, step.container);
            case Action::remove: return remove(TRY(engine::find(world_.paths, step.container)));
            case Action::cool: return cool(step);
            case Action::withdraw: return addresses_.withdraw(step);
            case Action::remove_network: return remove_network(step);
            case Action::remove_volume: return remove_volume(step);
        }
        return {};
    }

private:
    // Once, when networks are there and before anything runs on them.
    Result<void> prepare_for(Action action) {
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

    Result<void> create_network(const Step& step) {
        const compose::Network& network = *by_key(world_.project.networks, step.service);
        networks::Asked asked{.name = network.name,
                              .driver = network.driver.empty() ? "bridge" : network.driver,
                              .subnets = network.subnets,
                              .gateways = network.gateways,
                              .ranges = network.ranges,
                              .ipv6 = network.ipv6,
                              .internal = network.internal,
                              .options = network.options,
                              .labels = network.labels};
        asked.labels[std::string(kProjectLabel)] = world_.desired.project;
        asked.labels[std::string(kNetworkLabel)] = network.key;
        asked.labels[std::string(kHashLabel)] = by_key(world_.desired.networks, network.key)->hash;
        networks::sweep(world_.paths, world_.home);
        networks::Definition made =
            TRY_IN(networks::create(world_.paths, asked, world_.home), "networks." + network.key);
        note_network(made, "create");
        return {};
    }
    void note_network(const networks::Definition& network, const std::string& action) {
        engine::note_event(world_.paths,
                           {.type = "network",
                            .action = action,
                            .id = network.id,
                            .attributes = {{"name", network.name}, {"type", "bridge"}}});
    }

    Result<void> create_volume(const Step& step) {
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

    Result<void> wait(const Step& step) {
        bool healthy = step.awaited.condition == compose::Dependency::Condition::healthy;
        Result<void> waited = wait_for_service(world_, step.awaited.service,
                                               healthy ? Awaited::healthy : Awaited::completed,
                                               "dependency failed to start", std::nullopt);
        if (waited || step.awaited.required || waited.error().code() == Code::cancelled)
            return waited;
        world_.hooks.warn(waited.error().text() + " (it is not required)");
        return {};
    }

    Result<void> create(const Step& step) {
        std::string id = TRY(make_container(world_, step, nullptr));
        if (!world_.starts) return {};
        TRY(run_post_start(world_, step.service, id));
        // Beside others that answer it gets its share once it does. Where there are none what comes
        // waits at the gateway.
        std::set<std::uint16_t> ports = TRY(traffic_.answering_beside(step.service, id));
        if (!ports.empty()) TRY(prove(step, id, ports, "container " + step.object));
        return traffic_.lead(step.service);
    }

    Result<void> start(const std::string& service, const std::string& id) {
        TRY(engine::start_existing({.paths = world_.paths, .config = world_.config, .options = {}},
                                   id, engine::Starter::command));
        TRY(run_post_start(world_, service, id));
        return traffic_.lead(service);
    }

    Result<void> restart(const Step& step) {
        engine::Container container = TRY(engine::find(world_.paths, step.container));
        Result<void> stopped = traffic_.take_out(container);
        if (stopped) stopped = stop_container(world_, container);
        if (stopped) return start(step.service, step.container);
        Undo undo;
        undo.add([this, &step] { return traffic_.lead(step.service); });
        return fail(undo.run(std::move(stopped.error())));
    }

    Result<void> remove(const engine::Container& container) {
        TRY(traffic_.take_out(container));
        return end_container(world_, container);
    }

    Result<void> cool(const Step& step) {
        auto found = engine::find(world_.paths, step.container);
        if (!found) return ignore_absent(std::move(found.error()));
        return end_container(world_, *found);
    }

    // The old container makes way under another name, and has its own again where the new one
    // comes to nothing.
    Result<void> recreate(const Step& step) {
        if (step.delay.count() != 0)
            TRY(pause_for(world_, std::chrono::ceil<std::chrono::milliseconds>(step.delay)));
        engine::Container old = TRY(engine::find(world_.paths, step.container));
        bool ran = old.state.status == engine::Status::running ||
                   old.state.status == engine::Status::restarting;
        std::set<std::uint16_t> ports = traffic_.answering(old);
        Undo undo;
        if (ran && !step.start_first) {
            undo.add([this, &step] { return start(step.service, step.container); });
            Result<void> stopped = traffic_.take_out(old);
            if (stopped) stopped = stop_container(world_, old);
            if (!stopped) return fail(undo.run(std::move(stopped.error())));
            crash_point("deploy.stopped");
        }
        std::string name = engine::shown_name(old.record);
        std::string aside = aside_name(old.record.id, step.object);
        if (name != aside) {
            if (Result<void> renamed = engine::rename(world_.paths, old.record.id, aside); !renamed)
                return fail(undo.run(std::move(renamed.error())));
            crash_point("deploy.aside");
        }
        undo.add([this, id = old.record.id, name = step.object] {
            return engine::rename(world_.paths, id, name);
        });
        Result<void> replaced = replace(step, old, ran, ports, undo);
        if (replaced && step.canary) replaced = canary(step);
        if (replaced && world_.starts) replaced = traffic_.lead(step.service, {old.record.id});
        if (!replaced) return fail(undo.run(std::move(replaced.error())));
        undo.commit();
        if (world_.hooks.switched) world_.hooks.switched(step);
        crash_point("deploy.proved");
        old = TRY(engine::find(world_.paths, step.container));
        if (step.keeps && TRY(warm_.keep(step, old))) return {};
        return remove(old);
    }

    Result<void> canary(const Step& step) {
        std::string id = TRY(engine::find(world_.paths, step.object)).record.id;
        Result<void> tried = try_canary(world_, traffic_, step, id);
        if (tried || tried.error().code() == Code::cancelled) return tried;
        return fail(with_last_lines(std::move(tried).error(), world_.paths, id));
    }

    // Who takes the place of one that ran has to prove itself, but for jobs, which end.
    Result<void> replace(const Step& step, const engine::Container& old, bool ran,
                         const std::set<std::uint16_t>& ports, Undo& undo) {
        if (!step.thaws.empty() && TRY(warm_.take_over(step, ports))) {
            undo.add([this, &step] { return discard(step.thaws); });
            undo.add([this, &step] { return take_out(step.thaws); });
            return {};
        }
        std::string id = TRY(make_container(world_, step, &old.record));
        crash_point("deploy.made");
        undo.add([this, id] { return discard(id); });
        undo.add([this, id] { return take_out(id); });
        Result<void> proved = prove_new(step, id, ran, ports);
        if (proved) return proved;
        return fail(with_last_lines(std::move(proved).error(), world_.paths, id));
    }

    Result<void> prove_new(const Step& step, const std::string& id, bool ran,
                           const std::set<std::uint16_t>& ports) {
        if (world_.starts) TRY(run_post_start(world_, step.service, id));
        bool job = std::ranges::any_of(world_.desired.services, [&](const DesiredService& service) {
            return service.name == step.service && service.once;
        });
        if (!ran || job || !world_.starts) return {};
        return prove(
            step, id, ports,
            "the old container of " + step.object + (step.start_first ? " stays" : " comes back"));
    }

    Result<void> take_out(const std::string& id) {
        return traffic_.take_out(TRY(engine::find(world_.paths, id)));
    }

    // One that could not prove itself, with the volumes that were made for it. Those that it took
    // over the old one has still, and they stay.
    Result<void> discard(const std::string& id) {
        engine::Container container = TRY(engine::find(world_.paths, id));
        TRY(engine::remove(world_.paths, container, true));
        return volumes::release(world_.paths, container.record, volumes::Anonymous::removed);
    }

    Result<void> finish(const Step& step) {
        Undo undo;
        undo.add(
            [this, &step] { return engine::rename(world_.paths, step.container, step.object); });
        undo.add([this, &step] { return discard(step.next); });
        undo.add([this, &step] { return take_out(step.next); });
        engine::Container old = TRY(engine::find(world_.paths, step.container));
        std::set<std::uint16_t> ports = traffic_.answering(old);
        Result<void> proved =
            prove(step, step.next, ports, "the old container of " + step.object + " stays");
        if (proved) proved = traffic_.lead(step.service, {step.container});
        if (!proved) {
            Error error = with_last_lines(std::move(proved).error(), world_.paths, step.next);
            return fail(undo.run(std::move(error)));
        }
        undo.commit();
        return remove(TRY(engine::find(world_.paths, step.container)));
    }

    // Before it gets what comes: it goes on, and takes connections where others take them. `what`
    // begins the error.
    Result<void> prove(const Step& step, const std::string& id,
                       const std::set<std::uint16_t>& ports, const std::string& what) {
        auto deadline = std::chrono::steady_clock::now() + budget_of(world_, step.service);
        engine::Container container = TRY(engine::find(world_.paths, id));
        // An answer says more than half a second of life does.
        if (!container.record.health) {
            TRY(traffic_.wait_answering(id, ports, what, deadline));
            if (traffic_.answers_http(id, ports)) return {};
        }
        TRY(wait_for_container(world_, id, Awaited::proved, what, deadline));
        return traffic_.wait_answering(id, ports, what, deadline);
    }

    Result<void> remove_network(const Step& step) {
        Result<networks::Definition> network = networks::find(world_.paths, step.object);
        if (!network) return ignore_absent(std::move(network.error()));
        Result<void> removed = networks::remove(world_.paths, *network, world_.home);
        if (!removed) return tell_in_use(std::move(removed.error()));
        note_network(*network, "destroy");
        return {};
    }
    Result<void> remove_volume(const Step& step) {
        Result<void> removed = volumes::remove(world_.paths, step.object);
        return removed ? Result<void>() : tell_in_use(std::move(removed.error()));
    }
    static Result<void> ignore_absent(Error error) {
        return error.code() == Code::not_found ? Result<void>() : fail(std::move(error));
    }
    // By containers that are not the project's.
    Result<void> tell_in_use(Error error) {
        if (error.code() != Code::in_use) return ignore_absent(std::move(error));
        world_.hooks.warn(error.text());
        return {};
    }

    const World& world_;
    Traffic traffic_;
    Addresses addresses_;
    Warm warm_;
    bool prepared_ = false;
};

}  // namespace

Result<void> apply(const World& world, const Plan& plan) {
    Applying applying(world);
    for (const Step& step : plan.steps) {
        if (is_cancelled(world)) return fail(Code::cancelled, "interrupted");
        world.hooks.begun(step);
        TRY(applying.step(step));
        world.hooks.done(step);
    }
    return Traffic(world).end_if_unused();
}

Result<bool> end_stopping(const World& world, const std::vector<engine::Container>& containers) {
    bool some = false;
    for (const engine::Container& container : containers) {
        if (container.state.status != engine::Status::running) continue;
        auto asked = engine::read_asked(world.paths.monitor(container.record.id));
        bool stops = asked && asked->verb == "stop" && asked->at_ns > container.state.started_at_ns;
        if (stops) TRY(engine::stop(world.paths, container, {}));
        some |= stops;
    }
    return some;
}

}  // namespace crank::deploy
