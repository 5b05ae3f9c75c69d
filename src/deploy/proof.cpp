#include "deploy/proof.h"

#include <algorithm>
#include <iterator>
#include <list>

#include "deploy/desired.h"
#include "deploy/observe.h"
#include "engine/local/outside_probe.h"
#include "sys/system.h"

namespace crank::deploy {
namespace {

using Clock = std::chrono::steady_clock;

bool is_published(const engine::Record& record, std::uint16_t port) {
    return std::ranges::find(record.gateway_ports, port, &engine::PublishedPort::container_port) !=
           record.gateway_ports.end();
}

}  // namespace

Result<void> Answering::begin() {
    const engine::Record record = TRY(engine::find(world_->paths, id_)).record;
    std::set<std::uint16_t> exposed;
    for (std::uint16_t port : ports_) {
        if (needs_ == Needs::each && is_published(record, port))
            left_.push_back({.ports = {port}, .deadline = deadline_});
        else if (listens_on(record, port))
            exposed.insert(port);
    }
    // It is there once it answers on one of them.
    if (left_.empty() && !exposed.empty() && needs_ != Needs::none)
        left_.push_back({.ports = exposed, .deadline = deadline_});
    for (std::uint16_t port : exposed)
        left_.push_back({.ports = {port}, .deadline = deadline_, .exposed = true});
    return {};
}

Result<bool> Answering::look() {
    if (!begun_) TRY(begin());
    begun_ = true;
    while (!left_.empty()) {
        if (!TRY(look_at(left_.front()))) return false;
        left_.pop_front();
    }
    return true;
}

Result<bool> Answering::look_at(Awaited& awaited) {
    // What a base image exposes may be switched off by now.
    constexpr std::chrono::seconds kExposed(10), kPublished(2);
    if (awaited.exposed && !exposed_until_)
        exposed_until_ =
            std::min(deadline_, Clock::now() + (needs_ == Needs::each ? kExposed : kPublished));
    if (awaited.exposed) awaited.deadline = *exposed_until_;
    std::uint16_t first = *awaited.ports.begin();
    if (awaited.ports.size() > 1) {
        engine::Container container = TRY(engine::find(world_->paths, id_));
        bool ends =
            container.state.status != engine::Status::running || Clock::now() >= awaited.deadline;
        // The look at one of them knows the words.
        if (!ends) {
            bool answers = !traffic_->answering(container).empty();
            if (!answers) tell_missing(container, "any of its ports");
            return answers;
        }
    }
    Result<bool> answers = look_at_one(awaited, first);
    if (!is_missing(awaited, answers)) return answers;
    warn_of(first);
    return true;
}

bool Answering::is_missing(const Awaited& awaited, const Result<bool>& answers) const {
    if (answers || !awaited.exposed) return false;
    if (answers.error().code() == Code::deadline_exceeded) return true;
    // It listens to itself alone, as a debugger does.
    auto container = engine::find(world_->paths, id_);
    return needs_ != Needs::each && container && container->state.status == engine::Status::running;
}

Result<bool> Answering::look_at_one(Awaited& awaited, std::uint16_t port) {
    using engine::local::Accepts;
    // It may begin to listen between the two questions of one look.
    constexpr int kSure = 10;
    engine::Container container = TRY(engine::find(world_->paths, id_));
    std::string name = engine::shown_name(container.record);
    auto failed = [&](Code code, const std::string& why) {
        return fail(
            Error(code, what_ + ": container " + name + " " + why).with_hint("crank logs " + name));
    };
    if (container.state.status != engine::Status::running)
        return failed(Code::failed_precondition,
                      "exited (" + std::to_string(container.state.exit.code) + ")");
    std::uint16_t own = listens_on(container.record, port).value_or(port);
    std::string number = std::to_string(own);
    auto accepts = engine::local::accepts(container, own);
    if (accepts && *accepts == Accepts::yes) return true;
    bool by_itself = accepts && *accepts == Accepts::from_itself_alone;
    awaited.by_itself = by_itself ? awaited.by_itself + 1 : 0;
    if (awaited.by_itself == kSure)
        return failed(Code::failed_precondition,
                      "listens on 127.0.0.1:" + number +
                          " alone: it must listen on 0.0.0.0, or nobody reaches it");
    tell_missing(container, "port " + number);
    if (Clock::now() < awaited.deadline) return false;
    return failed(
        Code::deadline_exceeded,
        "takes no connection on port " + number +
            (own == port ? ""
                         : ", which a variable tells it (PORT, or as x-crank.native.port_variable "
                           "says)"));
}

void Answering::tell_missing(const engine::Container& container, const std::string& where) {
    patience_.look(*world_, container,
                   [&] { return "it takes no connection on " + where + " yet"; });
}

void Answering::warn_of(std::uint16_t port) const {
    auto container = engine::find(world_->paths, id_);
    world_->hooks.warn("container " + (container ? engine::shown_name(container->record) : id_) +
                       " takes no connection on port " + std::to_string(port) +
                       (needs_ == Needs::each
                            ? ", which it exposes and where others of its service do"
                            : ", which it publishes"));
}

Proof::Proof(const World& world, const Traffic& traffic, const std::string& service,
             const std::string& id, const std::set<std::uint16_t>& ports, const std::string& what)
    : world_(&world),
      id_(id),
      answering_(world, traffic, id, ports, what, Clock::now() + budget_of(world, service)),
      again_(answering_),
      speaking_(world, traffic, id, ports, what, Clock::now() + budget_of(world, service)),
      waiting_(world, id, Awaited::proved, what, Clock::now() + budget_of(world, service)) {}

Result<bool> Proof::look() {
    if (phase_ == Phase::begins) {
        bool checked = TRY(engine::find(world_->paths, id_)).record.health.has_value();
        phase_ = checked ? Phase::lives : Phase::answers;
    }
    if (phase_ == Phase::answers) {
        if (!TRY(answering_.look())) return false;
        phase_ = Phase::speaks;
    }
    if (phase_ == Phase::speaks) {
        Speaking::Says says = TRY(speaking_.look());
        if (says == Speaking::Says::nothing_yet) return false;
        if (says == Speaking::Says::http) return true;
        phase_ = Phase::lives;
    }
    if (phase_ == Phase::lives) {
        if (!TRY(waiting_.look())) return false;
        phase_ = Phase::still_answers;
    }
    return again_.look();
}

namespace {

// Has run for long: who waits has been told before, or will never be.
bool is_old(const engine::Container& container) {
    constexpr std::chrono::seconds kOld(10);
    return std::chrono::nanoseconds(sys::wall_clock_ns() - container.state.started_at_ns) > kOld;
}

std::optional<Answering> answering_of(const World& world, const Traffic& traffic,
                                      const engine::Container& container, Deadline deadline) {
    const engine::Record& record = container.record;
    std::string name = label_of(record.labels, kServiceLabel);
    auto service = std::ranges::find(world.desired.services, name, &DesiredService::name);
    bool runs = container.state.status == engine::Status::running && !container.state.paused;
    if (service == world.desired.services.end() || service->once || !runs) return std::nullopt;
    bool answers = !traffic.answering(container).empty();
    if (is_old(container) && (answers || record.health)) return std::nullopt;
    std::set<std::uint16_t> ports;
    for (const engine::PublishedPort& port : record.gateway_ports)
        ports.insert(port.container_port);
    Clock::time_point until = Clock::now() + budget_of(world, name);
    return Answering(world, traffic, record.id, std::move(ports), "service " + name,
                     deadline ? std::min(until, *deadline) : until,
                     record.health ? Answering::Needs::none : Answering::Needs::one);
}

}  // namespace

Result<void> wait_answering(const World& world, Deadline deadline) {
    Traffic traffic(world);
    std::list<Answering> all;
    Sight sight = TRY(observe(world.paths, world.desired.project));
    for (const engine::Container& container : sight.containers)
        if (auto one = answering_of(world, traffic, container, deadline))
            all.push_back(std::move(*one));
    return wait_until(world, [&]() -> Result<bool> {
        for (auto one = all.begin(); one != all.end();)
            one = TRY(one->look()) ? all.erase(one) : std::next(one);
        return all.empty();
    });
}

}  // namespace crank::deploy
