#include "deploy/warm.h"

#include <algorithm>

#include "base/crash_point.h"
#include "deploy/cached.h"
#include "deploy/desired.h"
#include "deploy/ending.h"
#include "deploy/proof.h"
#include "deploy/wait.h"
#include "engine/health.h"
#include "engine/lifecycle.h"
#include "engine/names.h"
#include "engine/warm.h"
#include "sys/host.h"
#include "sys/system.h"

namespace crank::deploy {
namespace {

// Of the machine's memory, for others.
constexpr std::int64_t kLeftFree = 10;  // one part of so many
// One that stood still has nothing to load.
constexpr std::chrono::seconds kSoon(5);

const DesiredService* service_of(const World& world, const Step& step) {
    auto found = std::ranges::find(world.desired.services, step.service, &DesiredService::name);
    return found == world.desired.services.end() ? nullptr : &*found;
}

}  // namespace

bool is_memory_short() {
    auto host = sys::host_info();
    auto available = sys::available_memory();
    return !host || !available || *available < host->memory_total / kLeftFree;
}

bool may_freeze(const engine::Record& record) {
    if (record.cgroups_path.empty() || record.remove || served_ports(record).empty()) return false;
    if (record.kind == engine::Kind::native)
        return label_of(record.labels, kMayFreezeLabel) == "true";
    bool writes = std::ranges::any_of(record.mounts, [](const engine::MountRecord& mount) {
        return mount.type != "tmpfs" && !mount.read_only;
    });
    return !writes && record.gpus.empty() && record.devices.empty() && !record.networks.empty();
}

Result<void> Warm::prove(const std::string& id, const std::set<std::uint16_t>& ports,
                         const std::string& what) const {
    engine::Container container = TRY(engine::find(world_.paths, id));
    Answering answering(world_, traffic_, id, ports, what,
                        std::chrono::steady_clock::now() + kSoon);
    TRY(wait_until(world_, [&] { return answering.look(); }));
    if (!container.record.health) return {};
    auto checked = TRY(engine::check_health(world_.paths, container, engine::CheckedBy::person));
    if (checked && checked->status == engine::HealthStatus::healthy) return {};
    return fail(Code::failed_precondition, what + ": it is not healthy");
}

Result<bool> Warm::take_over(const Step& step, const std::set<std::uint16_t>& ports) const {
    std::string what = "the container of " + step.object + " that was kept";
    Result<void> done = engine::take_back(world_.paths, step.thaws, step.object);
    crash_point("deploy.thawed");
    if (done) done = prove(step.thaws, ports, what);
    if (done) return true;
    world_.hooks.warn(done.error().text() + ": another is started");
    auto container = engine::find(world_.paths, step.thaws);
    if (container) {
        TRY(traffic_.take_out(*container));
        TRY(end_container(world_, *container));
    }
    return false;
}

Result<bool> Warm::keep(const Step& step, const engine::Container& old) const {
    const DesiredService* service = service_of(world_, step);
    // A frozen one can give nothing back.
    if (service == nullptr || is_memory_short() || engine::holds_gpu(old)) return false;
    if (!traffic_.answers_http(old.record.id, served_ports(old.record))) return false;
    TRY(traffic_.take_out(old));
    constexpr std::int64_t kSecond = 1'000'000'000;
    Result<void> aside = engine::set_aside(world_.paths, old.record.id,
                                           sys::wall_clock_ns() + service->keep_warm * kSecond);
    if (aside) return true;
    // Without rights to control groups nothing can be frozen, which is nobody's fault.
    const Code code = aside.error().code();
    if (code == Code::unsupported || code == Code::not_found) return false;
    world_.hooks.warn("container " + engine::shown_name(old.record) +
                      " is not kept: " + aside.error().text());
    return false;
}

void Warm::keep_files(const Step& step, const engine::Record& old, const std::string& next) const {
    const DesiredService* service = service_of(world_, step);
    auto container = engine::find(world_.paths, next);
    if (service == nullptr || !container || !world_.starts) return;
    keep_cached(world_, old, container->record, service->keep_warm);
}

}  // namespace crank::deploy
