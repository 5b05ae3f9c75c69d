#include "deploy/plan.h"

#include <algorithm>

#include "base/text.h"
#include "deploy/desired.h"
#include "deploy/difference.h"
#include "deploy/plan_addresses.h"
#include "deploy/plan_batches.h"
#include "deploy/plan_gpus.h"
#include "deploy/plan_ports.h"
#include "deploy/plan_pre_start.h"
#include "deploy/plan_warm.h"

namespace crank::deploy {
namespace {

using Containers = std::vector<const ObservedContainer*>;

constexpr std::size_t kShownDigits = 12;

std::string short_id(std::string_view id) {
    if (std::size_t colon = id.find(':'); colon != std::string_view::npos)
        id.remove_prefix(colon + 1);
    return std::string(id.substr(0, kShownDigits));
}

class Planner {
public:
    Planner(const Desired& desired, const Observed& observed, const PlanOptions& options)
        : desired_(desired), observed_(observed), options_(options), gpus_(desired) {}

    Result<Plan> run() {
        TRY(check_ports(desired_));
        for (const DesiredService& service : desired_.services) TRY(images(service));
        // First: they may have the ports and names that what is wanted is to have.
        orphans();
        if (options_.starts) take(unpublished(desired_, observed_, options_.remove_orphans));
        TRY(networks());
        TRY(volumes());
        for (const DesiredService& service : desired_.services) {
            std::size_t before = plan_.steps.size();
            all_of(service);
            for (std::size_t i = before; i < plan_.steps.size(); i++) plan_.steps[i].beside = true;
        }
        for (Step& step : cooled(desired_, observed_))
            if (!is_planned(step.container)) plan_.steps.push_back(std::move(step));
        take(withdrawn(desired_, observed_, options_.remove_orphans));
        plan_.tolerances = tolerances(desired_, plan_.steps, options_.back);
        return std::move(plan_);
    }

private:
    void all_of(const DesiredService& service) {
        // What comes before there is a container waits for it.
        bool first = !has_port_of_its_own(service);
        if (first) ports(service);
        containers(service);
        if (!first) ports(service);
        traffic(service);
    }

    bool has_port_of_its_own(const DesiredService& service) const {
        return std::ranges::any_of(of(service), [&](const ObservedContainer* container) {
            return !port_of_its_own(service, *container).empty();
        });
    }
    void ports(const DesiredService& service) {
        if (options_.starts) take(published(service, observed_));
    }

    // Steps that change containers see to that themselves.
    void traffic(const DesiredService& service) {
        bool changes = std::ranges::any_of(plan_.steps, [&](const Step& step) {
            return step.service == service.name && step.action != Action::rename &&
                   step.action != Action::build && step.action != Action::prepare &&
                   step.action != Action::pull;
        });
        if (!options_.starts || changes) return;
        std::vector<Step> steps = led_elsewhere(service, observed_);
        take(steps.empty() ? addressed_elsewhere(desired_, service, observed_) : std::move(steps));
    }

    void take(std::vector<Step> steps) {
        std::ranges::move(steps, std::back_inserter(plan_.steps));
    }

    bool wants(Images how) const { return options_.images.contains(how); }

    // As an image that is built.
    Result<void> directory(const DesiredService& service) {
        bool missing = service.image_id.empty();
        bool asked = wants(Images::build) || service.pull_policy == "build";
        if (!service.builds || (!missing && !asked)) return {};
        if (wants(Images::ready) && !missing) return {};
        if (wants(Images::ready))
            return fail(Code::not_found, "service " + service.name + ": its directory is missing");
        plan_.steps.push_back({.action = Action::prepare,
                               .object = desired_.project + "-" + service.name,
                               .service = service.name,
                               .reasons = {asked ? "it is to be built" : "it is not here"}});
        return {};
    }

    Result<void> images(const DesiredService& service) {
        if (service.native) return directory(service);
        TRY(image(service, service.image, service.image_id.empty(), service.builds));
        for (const DesiredPreStart& step : service.pre_start)
            if (whole_name(step.image) != whole_name(service.image))
                TRY(image(service, step.image, step.image_id.empty(), false));
        return {};
    }

    // Its own, or one of its steps before the start.
    Result<void> image(const DesiredService& service, const std::string& name, bool missing,
                       bool builds) {
        if (wants(Images::ready)) {
            if (!missing) return {};
            return fail(Code::not_found, "service " + service.name + ": no such image: " + name);
        }
        Step step{.object = name, .service = service.name};
        // Nobody's registry has what the file says how to build.
        auto builder = desired_.builders.find(whole_name(name));
        if (builds || builder != desired_.builders.end()) {
            bool asked = wants(Images::build) || service.pull_policy == "build";
            if (!asked && !missing) return {};
            if (!builds) step.service = builder->second;
            if (is_planned(Action::build, name)) return {};
            step.action = Action::build;
            step.reasons = {asked ? "it is to be built" : "it is not here"};
            plan_.steps.push_back(std::move(step));
            return {};
        }
        bool always = wants(Images::always) || service.pull_policy == "always";
        bool never = wants(Images::never) || service.pull_policy == "never";
        if (never && missing)
            return fail(Error(Code::not_found, "service " + service.name + ": no such image: " +
                                                   name + ", and it is not to be pulled")
                            .with_hint("crank pull " + name));
        if (never || (!missing && !always)) return {};
        if (is_planned(Action::pull, name)) return {};
        step.action = Action::pull;
        step.reasons = {always ? "it is to be pulled each time" : "it is not here"};
        plan_.steps.push_back(std::move(step));
        return {};
    }

    // Its end, or that it goes on.
    bool is_planned(const std::string& kept) const {
        return std::ranges::any_of(plan_.steps, [&](const Step& step) {
            return step.container == kept || step.thaws == kept;
        });
    }

    bool is_planned(Action action, const std::string& image) const {
        return std::ranges::any_of(plan_.steps, [&](const Step& step) {
            return step.action == action && whole_name(step.object) == whole_name(image);
        });
    }

    bool is_used(const DesiredResource& resource, std::set<std::string> DesiredService::* uses) {
        return std::ranges::any_of(desired_.services, [&](const DesiredService& service) {
            return (service.*uses).contains(resource.key);
        });
    }

    Result<void> networks() {
        for (const DesiredResource& network : desired_.networks) {
            if (!is_used(network, &DesiredService::networks)) continue;
            auto found = observed_.networks.find(network.name);
            if (found == observed_.networks.end()) {
                if (network.external) return missing("network", network.name);
                plan_.steps.push_back({.action = Action::create_network,
                                       .object = network.name,
                                       .service = network.key,
                                       .reasons = {"it is not there"}});
            } else if (!network.external) {
                TRY(same_network(network, found->second));
            }
        }
        return {};
    }

    Result<void> same_network(const DesiredResource& network, const ObservedResource& found) {
        if (found.project != desired_.project)
            return fail(Error(Code::already_exists,
                              "network " + network.name + " exists, and " +
                                  (found.project.empty() ? std::string("no project")
                                                         : "project " + found.project) +
                                  " made it")
                            .with_hint("networks." + network.key + ": {external: true} to use it"));
        if (found.hash.empty() || found.hash == network.hash) return {};
        return fail(Error(Code::failed_precondition,
                          "network " + network.name +
                              " was made in another way than the compose file says now")
                        .with_hint("crank down, then crank up: containers leave it first"));
    }

    std::unexpected<Error> missing(const std::string& kind, const std::string& name) const {
        return fail(Error(Code::not_found,
                          kind + " " + name + " declared as external, but could not be found")
                        .with_hint("crank " + kind + " create " + name));
    }

    // It would go on standing for what it stood for.
    Result<void> same_volume(const DesiredResource& volume, const ObservedResource& found) const {
        if (found.hash == volume.hash) return {};
        return fail(Error(Code::failed_precondition,
                          "volume " + volume.name +
                              " was made with other driver_opts than the compose file says now")
                        .with_hint("crank down, then crank volume rm " + volume.name +
                                   ": a directory that it stands for stays"));
    }

    Result<void> volumes() {
        for (const DesiredResource& volume : desired_.volumes) {
            if (!is_used(volume, &DesiredService::volumes)) continue;
            auto found = observed_.volumes.find(volume.name);
            if (found == observed_.volumes.end()) {
                if (volume.external) return missing("volume", volume.name);
                plan_.steps.push_back({.action = Action::create_volume,
                                       .object = volume.name,
                                       .service = volume.key,
                                       .reasons = {"it is not there"}});
            } else if (volume.external) {
                continue;
            } else if (found->second.project == desired_.project) {
                TRY(same_volume(volume, found->second));
            } else {
                plan_.warnings.push_back(
                    "volume " + volume.name + " exists, and " +
                    (found->second.project.empty() ? std::string("no project")
                                                   : "project " + found->second.project) +
                    " made it; volumes." + volume.key + ": {external: true} says that it is meant");
            }
        }
        return {};
    }

    // By number; where two have the same one, the one that is as it is to be, then the newer.
    Containers of(const DesiredService& service) const {
        Containers mine;
        for (const ObservedContainer& container : observed_.containers)
            if (container.service == service.name) mine.push_back(&container);
        std::ranges::sort(mine, [&](const ObservedContainer* a, const ObservedContainer* b) {
            if (a->number != b->number) return a->number < b->number;
            bool first = a->hash == service.hash, second = b->hash == service.hash;
            return first != second ? first : a->created_ns > b->created_ns;
        });
        return mine;
    }

    void containers(const DesiredService& service) {
        std::vector<Step> steps;
        std::set<std::int64_t> numbers;
        const ObservedContainer* before = nullptr;
        for (const ObservedContainer* container : of(service)) {
            if (numbers.contains(container->number)) {
                Step step = superfluous(service, *container, *before);
                // It may have the name that the other one gets.
                bool goes = step.action == Action::remove;
                steps.insert(goes ? steps.begin() : steps.end(), std::move(step));
            } else if (std::ssize(numbers) >= service.replicas) {
                steps.push_back(
                    removal(*container, "there are to be " + std::to_string(service.replicas)));
            } else {
                numbers.insert(container->number);
                before = container;
                existing(service, *container, steps);
            }
        }
        for (std::int64_t number = 1; std::ssize(numbers) < service.replicas; number++) {
            if (!numbers.insert(number).second) continue;
            steps.push_back({.action = Action::create,
                             .object = container_name(desired_, service, number),
                             .service = service.name,
                             .number = number,
                             .reasons = {"it is not there"},
                             .where = where(service)});
        }
        take_room(service, observed_, steps);
        plan_pre_start(service, observed_, options_, steps);
        bool starts = std::ranges::any_of(
            steps, [](const Step& step) { return step.action != Action::remove; });
        if (starts && options_.starts && options_.waits) wait_for(service);
        take(std::move(steps));
    }

    // Of two with the same number. Where both run, a command was killed that had not yet proved the
    // new one.
    Step superfluous(const DesiredService& service, const ObservedContainer& container,
                     const ObservedContainer& kept) const {
        constexpr auto kRunning = ObservedContainer::State::running;
        bool unproved = options_.starts && kept.hash == service.hash &&
                        is_aside(container.id, container.name) && kept.state == kRunning &&
                        container.state == kRunning;
        Step step = removal(container, "another has its place");
        if (!unproved) return step;
        step.action = Action::finish;
        step.object = kept.name;
        step.next = kept.id;
        step.reasons = {"the command that began it did not end it"};
        return step;
    }

    static Step removal(const ObservedContainer& container, std::string reason) {
        return {.action = Action::remove,
                .object = container.name,
                .service = container.service,
                .container = container.id,
                .number = container.number,
                .reasons = {std::move(reason)}};
    }

    void again(const DesiredService& service, const ObservedContainer& container, Step step,
               std::vector<Step>& steps) {
        step.action = Action::recreate;
        bool running = container.state == ObservedContainer::State::running;
        step.together = has_room(steps, change_of(service).parallelism);
        std::string in_the_way = stops_first(service, container);
        if (in_the_way.empty() && running && !change_of(service).said_to_be_safe)
            in_the_way = gpus_.in_the_way(service, container, step.together);
        step.start_first = in_the_way.empty() && running;
        if (step.start_first && options_.starts) beside(service, container, step);
        if (running) step.in_the_way = std::move(in_the_way);
        if (recreated_.contains(service.name) && !step.together)
            step.delay = change_of(service).delay;
        recreated_.insert(service.name);
        steps.push_back(std::move(step));
    }
    // What is only where the old one is there still.
    void beside(const DesiredService& service, const ObservedContainer& container,
                Step& step) const {
        bool anew = options_.recreate == Recreate::always;
        step.thaws = anew ? "" : warm_for(service, container.number, observed_);
        step.keeps = service.keep_warm > 0 && container.may_freeze;
        bool first = !options_.back && !recreated_.contains(service.name);
        if (first && step.thaws.empty() && !container.serves.empty()) step.canary = service.canary;
    }

    void existing(const DesiredService& service, const ObservedContainer& container,
                  std::vector<Step>& steps) {
        Step step{.object = container_name(desired_, service, container.number),
                  .service = service.name,
                  .container = container.id,
                  .number = container.number,
                  .where = where(service)};
        step.reasons = why_again(service, container);
        if (!step.reasons.empty()) return again(service, container, std::move(step), steps);
        if (container.name != step.object && is_aside(container.id, container.name)) {
            step.action = Action::rename;
            step.reasons = {"it is called " + container.name};
            steps.push_back(step);
        }
        if (!options_.starts) return;
        if (container.state == ObservedContainer::State::running)
            return restart(service, std::move(step), steps);
        bool ended = container.state == ObservedContainer::State::exited;
        // What others wait for has done its work.
        if (ended && service.once && container.exit_code == 0) return;
        step.action = Action::start;
        step.reasons = {ended ? "it has ended with exit code " + std::to_string(container.exit_code)
                              : "it was never started"};
        steps.push_back(std::move(step));
    }

    // "natively: x-crank.native.when: macos"
    static std::string where(const DesiredService& service) {
        if (service.placed.empty()) return "";
        return (service.native ? "natively: " : "in a container: ") + service.placed;
    }

    // Also where both would write to the volume that the old one hands on.
    std::string stops_first(const DesiredService& service,
                            const ObservedContainer& container) const {
        std::string port = port_of_its_own(service, container);
        if (!port.empty()) return "it publishes port " + port + " itself";
        const DesiredService::Change& change = change_of(service);
        bool own = !container.own_volume.empty() && !change.said_to_be_safe;
        return change.in_the_way.empty() && own ? "it writes to " + container.own_volume
                                                : change.in_the_way;
    }

    const DesiredService::Change& change_of(const DesiredService& service) const {
        return options_.back ? service.rollback : service.update;
    }

    void restart(const DesiredService& service, Step step, std::vector<Step>& steps) const {
        for (const compose::Dependency& on : service.depends_on) {
            if (!on.restart || !recreated_.contains(on.service)) continue;
            step.action = Action::restart;
            step.reasons = {on.service + ", which it depends on, is made again"};
            steps.push_back(std::move(step));
            return;
        }
    }

    std::vector<std::string> why_again(const DesiredService& service,
                                       const ObservedContainer& container) const {
        if (options_.recreate == Recreate::never) return {};
        std::vector<std::string> why;
        if (container.native != service.native)
            why.push_back(service.native ? "it is to run natively" : "it is to run in a container");
        if (container.hash != service.hash) {
            auto before = observed_.identities.find(container.hash);
            if (before != observed_.identities.end())
                std::ranges::move(differences(before->second, service.identity),
                                  std::back_inserter(why));
            if (why.empty()) why.push_back("its configuration has changed");
        }
        bool other_name = std::ranges::any_of(
            why, [](const std::string& text) { return text.starts_with("image: "); });
        if (!other_name && container.native == service.native && !service.image_id.empty() &&
            container.image_id != service.image_id)
            why.push_back("image " + service.image + ": " + short_id(container.image_id) + " -> " +
                          short_id(service.image_id));
        else if (!other_name && service.rebuilt)
            why.push_back("image " + service.image + ": is built again");
        for (const std::string& other : service.shares)
            if (recreated_.contains(other)) why.push_back("it shares with " + other);
        std::string port = port_of_its_own(service, container);
        if (why.empty() && !port.empty())
            why.push_back("the project's gateway is to hold port " + port);
        if (why.empty() && options_.recreate == Recreate::always) why.push_back("--force-recreate");
        return why;
    }

    void wait_for(const DesiredService& service) {
        for (const compose::Dependency& on : service.depends_on) {
            if (on.condition == compose::Dependency::Condition::started) continue;
            plan_.steps.push_back({.action = Action::wait,
                                   .object = on.service,
                                   .service = service.name,
                                   .awaited = on});
        }
    }

    void orphans() {
        for (const ObservedContainer& container : observed_.containers) {
            bool known = desired_.others.contains(container.service) ||
                         std::ranges::any_of(desired_.services, [&](const DesiredService& service) {
                             return service.name == container.service;
                         });
            if (known) continue;
            if (options_.remove_orphans)
                plan_.steps.push_back(
                    removal(container, "the compose file has no service " + container.service));
            else
                plan_.orphans.push_back(container.name);
        }
    }

    const Desired& desired_;
    const Observed& observed_;
    const PlanOptions& options_;
    std::set<std::string> recreated_;
    SpareGpus gpus_;
    Plan plan_;
};

}  // namespace

Result<Plan> plan_up(const Desired& desired, const Observed& observed, const PlanOptions& options) {
    return Planner(desired, observed, options).run();
}

}  // namespace crank::deploy
