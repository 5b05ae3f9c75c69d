#include "deploy/pre_start.h"

#include <algorithm>
#include <optional>

#include "base/crash_point.h"
#include "base/text.h"
#include "deploy/container.h"
#include "deploy/desired.h"
#include "deploy/last_lines.h"
#include "deploy/plan_pre_start.h"
#include "deploy/records.h"
#include "engine/lifecycle.h"
#include "engine/local/start.h"
#include "engine/volume.h"

namespace crank::deploy {
namespace {

// What says that it is a step's, and of which service. It counts as none of that one.
constexpr std::string_view kStepLabel = "crank.pre-start";

// With its own volumes; those of the service stay.
Result<void> remove(const engine::Paths& paths, const std::string& id) {
    engine::Container container = TRY(engine::find(paths, id));
    TRY(engine::remove(paths, container, true));
    return engine::volumes::release(paths, container.record, engine::volumes::Anonymous::removed);
}

std::string name_of(std::size_t index) {
    return "step " + std::to_string(index + 1) + " of pre_start";
}

void label(const World& world, const std::string& service, std::size_t index,
           engine::RunOptions& options) {
    auto set = [&](std::string_view name, const std::string& value) {
        options.labels.insert_or_assign(std::string(name), value);
    };
    options.name =
        world.desired.project + "-" + service + "-pre-start-" + std::to_string(index + 1);
    set(kProjectLabel, world.desired.project);
    set(kOneOffLabel, "True");
    set(kStepLabel, service);
}

// The exit code of `up` is not the step's.
Error not_started(Error error) {
    bool program = error.code() == Code::cannot_invoke || error.code() == Code::command_not_found;
    return program ? std::move(error).with_code(Code::failed_precondition) : std::move(error);
}

Result<void> check_end(const World& world, const engine::Container& container,
                       const std::string& what) {
    int code = container.state.exit.code;
    if (code == 0) return {};
    std::string lines = last_lines(world.paths, container);
    std::string text = what + " ('" + join(container.record.args, " ") +
                       "') ended with exit code " + std::to_string(code);
    text += lines.empty() ? "; it wrote nothing" : "\nthe last that it wrote:" + lines;
    return fail(Error(Code::step_failed, std::move(text))
                    .with_hint("mend it, and crank up again: they begin with the first one"));
}

}  // namespace

PreStartRun::PreStartRun(const World& world, std::span<const Step> steps) : world_(world) {
    if (!world.starts) return;
    for (const Step& step : steps)
        if (step.thaws.empty())
            for (std::size_t index : step.pre_start) left_.push_back({&step, index});
    if (left_.empty()) return;
    service_ = left_.front().step->service;
    const compose::Service& service = *world.project.find(service_);
    once_ = std::ranges::any_of(
        left_, [&](const One& one) { return !service.pre_start[one.index].per_replica; });
}

std::string PreStartRun::what(const One& one) const {
    return "service " + service_ + ": " + name_of(one.index);
}

Result<bool> PreStartRun::look() {
    Records records(world_.paths, world_.desired.project);
    // What was done for another configuration is no longer all that was done.
    if (!begun_ && once_) TRY(records.note_prepared(service_, ""));
    begun_ = true;
    if (!running_.empty() && !TRY(look_at_running())) return false;
    if (!left_.empty()) {
        TRY(begin(left_.front()));
        return false;
    }
    const auto& services = world_.desired.services;
    auto desired = std::ranges::find(services, service_, &DesiredService::name);
    if (once_ && desired != services.end())
        TRY(records.note_prepared(service_, pre_start_key(*desired)));
    return true;
}

Result<void> PreStartRun::begin(const One& one) {
    std::optional<engine::Container> before;
    if (!one.step->container.empty()) before = TRY(engine::find(world_.paths, one.step->container));
    engine::RunOptions options = TRY(pre_start_options(
        world_, *world_.project.find(service_), one.index, before ? &before->record : nullptr));
    label(world_, service_, one.index, options);
    Result<engine::local::Started> started = engine::local::start(
        {.paths = world_.paths, .config = world_.config, .options = std::move(options)});
    if (!started) return fail(not_started(std::move(started.error()).with_context(what(one))));
    running_ = started->record.id;
    patience_.emplace(std::nullopt);
    crash_point("deploy.pre_start");
    for (const std::string& warning : started->record.warnings)
        world_.hooks.warn(what(one) + ": " + warning);
    return {};
}

// As long as it takes: nobody knows how long a migration does.
Result<bool> PreStartRun::look_at_running() {
    Result<engine::Container> container = engine::find(world_.paths, running_);
    if (!container) return fail(std::move(container.error()));
    if (container->state.status != engine::Status::exited) {
        patience_->look(world_, *container, [&] { return what(left_.front()) + " has not ended"; });
        return false;
    }
    Result<void> ended = check_end(world_, *container, what(left_.front()));
    if (!ended) return fail(give_up(std::move(ended.error())));
    TRY(remove(world_.paths, std::exchange(running_, "")));
    world_.hooks.say("Service " + service_ + "  " + name_of(left_.front().index) + " done");
    left_.erase(left_.begin());
    return true;
}

Error PreStartRun::give_up(Error error) {
    if (running_.empty()) return error;
    Result<void> removed = remove(world_.paths, std::exchange(running_, ""));
    return removed ? std::move(error) : std::move(error).with_cleanup(removed.error());
}

Result<bool> AfterPreStart::look() {
    if (!ran_) {
        if (!TRY(run_.look())) return false;
        ran_ = true;
        next_ = TRY(begin_());
    }
    return next_ == nullptr ? true : next_->look();
}

Error AfterPreStart::give_up(Error error) {
    if (!ran_) return run_.give_up(std::move(error));
    return next_ == nullptr ? std::move(error) : next_->give_up(std::move(error));
}

Result<void> sweep_pre_start(const engine::Paths& paths, const std::string& project) {
    for (const engine::Container& container : TRY(engine::list(paths))) {
        const auto& labels = container.record.labels;
        if (label_of(labels, kProjectLabel) == project && !label_of(labels, kStepLabel).empty())
            TRY(remove(paths, container.record.id));
    }
    return {};
}

}  // namespace crank::deploy
