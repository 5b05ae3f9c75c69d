#include "deploy/replacing.h"

#include <algorithm>

#include "base/crash_point.h"
#include "deploy/container.h"
#include "deploy/ending.h"
#include "deploy/kept_logs.h"
#include "deploy/last_lines.h"
#include "deploy/pre_start.h"
#include "deploy/service_hooks.h"
#include "deploy/wait.h"
#include "engine/lifecycle.h"
#include "engine/names.h"
#include "engine/rename.h"
#include "engine/start_existing.h"
#include "engine/volume.h"

namespace crank::deploy {

Result<void> discard(const engine::Paths& paths, const std::string& id) {
    engine::Container container = TRY(engine::find(paths, id));
    // What is frozen writes nothing, and does not end.
    if (!container.state.paused) TRY(engine::stop(paths, container, {.timeout = 0}));
    keep_log(paths, container);
    TRY(engine::remove(paths, container, true));
    return engine::volumes::release(paths, container.record, engine::volumes::Anonymous::removed);
}

Result<void> start_again(const World& world, const Traffic& traffic, const std::string& service,
                         const std::string& id) {
    TRY(engine::start_existing({.paths = world.paths, .config = world.config, .options = {}}, id,
                               engine::Starter::command));
    TRY(run_post_start(world, service, id));
    return traffic.lead(service);
}

Result<void> Replacing::make_way() {
    engine::Container old = TRY(engine::find(world_.paths, step_.container));
    old_id_ = old.record.id;
    ran_ = old.state.status == engine::Status::running ||
           old.state.status == engine::Status::restarting;
    ports_ = traffic_.answering(old);
    if (ran_ && !step_.start_first) {
        undo_.add([this] { return start_again(world_, traffic_, step_.service, old_id_); });
        TRY(traffic_.take_out(old));
        TRY(stop_container(world_, old));
        crash_point("deploy.stopped");
    }
    std::string aside = aside_name(old_id_, step_.object);
    if (engine::shown_name(old.record) != aside) {
        TRY(engine::rename(world_.paths, old_id_, aside));
        crash_point("deploy.aside");
    }
    undo_.add([this] { return engine::rename(world_.paths, old_id_, step_.object); });
    return {};
}

Result<void> Replacing::start() {
    if (!step_.thaws.empty() && TRY(warm_.take_over(step_, ports_))) {
        id_ = step_.thaws;
        keep_apart();
        return {};
    }
    if (!step_.thaws.empty()) TRY(prepare_late());
    engine::Container old = TRY(engine::find(world_.paths, old_id_));
    id_ = TRY(make_container(world_, step_, &old.record));
    crash_point("deploy.made");
    keep_apart();
    if (!world_.starts) return {};
    if (Result<void> ran = run_post_start(world_, step_.service, id_); !ran)
        return failed(std::move(ran.error()));
    if (has_to_prove_itself()) proof_.emplace(world_, traffic_, step_.service, id_, ports_, what());
    return {};
}

// What was to go on does not: what starts instead has not been prepared yet.
Result<void> Replacing::prepare_late() const {
    Step step = step_;
    step.thaws.clear();
    PreStartRun run(world_, {&step, 1});
    Result<void> done = wait_until(world_, [&] { return run.look(); });
    return done ? std::move(done) : fail(run.give_up(std::move(done.error())));
}

// It gets nothing of what comes, and goes where it comes to nothing.
void Replacing::keep_apart() {
    traffic_.hold_back(id_);
    undo_.add([this] { return discard(world_.paths, id_); });
    undo_.add([this]() -> Result<void> {
        return traffic_.take_out(TRY(engine::find(world_.paths, id_)));
    });
}

// Who takes the place of one that ran, but for jobs, which end.
bool Replacing::has_to_prove_itself() const {
    bool job = std::ranges::any_of(world_.desired.services, [&](const DesiredService& service) {
        return service.name == step_.service && service.once;
    });
    return ran_ && !job;
}

std::string Replacing::what() const {
    return "the old container of " + step_.object + (step_.start_first ? " stays" : " comes back");
}

// It is about to go, and its log with it.
std::unexpected<Error> Replacing::failed(Error error) const {
    if (error.code() == Code::cancelled) return fail(std::move(error));
    return fail(with_last_lines(std::move(error), world_.paths, id_));
}

Result<bool> Replacing::look() {
    if (proof_ && !proved_) {
        Result<bool> proved = proof_->look();
        if (!proved) return failed(std::move(proved.error()));
        if (!*proved) return false;
        proved_ = true;
    }
    return step_.canary ? try_canary() : true;
}

Result<bool> Replacing::try_canary() {
    if (!canary_) canary_.emplace(world_, traffic_, step_, id_);
    Result<bool> tried = canary_->look();
    if (!tried) return failed(std::move(tried.error()));
    return tried;
}

Result<void> Replacing::take_place() {
    if (proof_) {
        // Others of its batch may have needed longer.
        Result<void> goes_on = check_proved(TRY(engine::find(world_.paths, id_)), what());
        if (!goes_on) return failed(std::move(goes_on.error()));
    }
    traffic_.let_in(id_);
    if (world_.starts) TRY(traffic_.lead(step_.service, {old_id_}));
    // Also where others of its batch are led to before it has ended.
    traffic_.hold_back(old_id_);
    undo_.commit();
    if (world_.hooks.switched) world_.hooks.switched(step_);
    crash_point("deploy.proved");
    return {};
}

Result<void> Replacing::end_old() {
    engine::Container old = TRY(engine::find(world_.paths, old_id_));
    if (step_.keeps && TRY(warm_.keep(step_, old))) return {};
    TRY(traffic_.take_out(old));
    TRY(end_container(world_, old));
    warm_.keep_files(step_, old.record, id_);
    return {};
}

}  // namespace crank::deploy
