#include "deploy/batch.h"

#include "base/crash_point.h"
#include "deploy/container.h"
#include "deploy/service_hooks.h"
#include "deploy/wait.h"

namespace crank::deploy {

Result<void> Creating::begin(std::span<const Step> steps) {
    for (const Step& step : steps) {
        if (is_cancelled(world_)) return fail(Code::cancelled, "interrupted");
        world_.hooks.begun(step);
        TRY(create(step));
    }
    return {};
}

Result<void> Creating::create(const Step& step) {
    std::string id = TRY(make_container(world_, step, nullptr));
    if (!world_.starts) {
        world_.hooks.done(step);
        return {};
    }
    TRY(run_post_start(world_, step.service, id));
    std::set<std::uint16_t> ports = TRY(traffic_.answering_beside(step.service, id));
    if (ports.empty()) return let_in(step, id);
    traffic_.hold_back(id);
    unproved_.emplace_back(
        step, id, Proof(world_, traffic_, step.service, id, ports, "container " + step.object));
    return {};
}

Result<void> Creating::let_in(const Step& step, const std::string& id) {
    traffic_.let_in(id);
    TRY(traffic_.lead(step.service));
    world_.hooks.done(step);
    return {};
}

Result<bool> Creating::look() {
    for (auto one = unproved_.begin(); one != unproved_.end();) {
        if (!TRY(one->proof.look())) {
            ++one;
            continue;
        }
        TRY(let_in(one->step, one->id));
        one = unproved_.erase(one);
    }
    return unproved_.empty();
}

Result<void> Batch::begin(std::span<const Step> steps) {
    before_.emplace(world_, steps);
    if (before_->is_empty()) before_.reset();
    for (const Step& step : steps) {
        if (is_cancelled(world_)) return fail(give_up(Error(Code::cancelled, "interrupted")));
        TRY(make_way(step));
        if (!before_) TRY(start(std::prev(all_.end())));
    }
    if (steps.size() > 1) crash_point("deploy.batch");
    return {};
}

Result<void> Batch::make_way(const Step& step) {
    world_.hooks.begun(step);
    all_.emplace_back(world_, traffic_, warm_, step);
    // That is no failure of the new one.
    Result<void> made = all_.back().make_way();
    return made ? Result<void>() : fail(give_up(std::move(made.error())));
}

Result<void> Batch::start(One one) {
    Result<void> started = one->start();
    return started ? Result<void>() : failed(one, std::move(started.error()));
}

Result<bool> Batch::start_all() {
    Result<bool> prepared = before_->look();
    if (!prepared) return fail(give_up(std::move(prepared.error())));
    if (!*prepared) return false;
    before_.reset();
    for (auto one = all_.begin(); one != all_.end();) {
        auto next = std::next(one);
        TRY(start(one));
        one = next;
    }
    return true;
}

Result<bool> Batch::look() {
    if (before_ && !TRY(start_all())) return false;
    if (!TRY(look_at_all())) return false;
    TRY(switch_all());
    return true;
}

Result<bool> Batch::look_at_all() {
    bool all = true;
    for (auto one = all_.begin(); one != all_.end();) {
        auto next = std::next(one);
        Result<bool> proved = one->look();
        if (!proved) TRY(failed(one, std::move(proved.error())));
        all = all && (!proved || *proved);
        one = next;
    }
    return all;
}

// All are led to before the first old one ends: what the others are at ends meanwhile.
Result<void> Batch::switch_all() {
    Result<void> switched;
    while (!all_.empty()) {
        Result<void> took = all_.front().take_place();
        if (took)
            placed_.splice(placed_.end(), all_, all_.begin());
        else if (Result<void> ends = failed(all_.begin(), std::move(took.error())); !ends)
            switched = std::move(ends);
    }
    Result<void> ended = end_old_ones();
    return switched ? std::move(ended) : std::move(switched);
}

// One that does not end is the next command's, and keeps no other from its end.
Result<void> Batch::end_old_ones() {
    Result<void> all;
    for (; !placed_.empty(); placed_.pop_front()) {
        Replacing& one = placed_.front();
        Result<void> ended = one.end_old();
        if (ended) world_.hooks.done(one.step());
        if (ended) ended = took_place_(one.step(), one.id());
        if (!ended && all) all = std::move(ended);
    }
    return all;
}

// It goes, and where it is one too many all that have not taken their place do. A canary answers
// for all of its release.
Result<void> Batch::failed(One one, Error error) {
    const Step& step = one->step();
    bool counts = error.code() != Code::cancelled && !one->is_canary();
    error = one->give_up(std::move(error));
    all_.erase(one);
    // Where the old one could not be brought back, nobody goes on.
    counts = counts && error.cleanup_errors().empty();
    if (!counts || !failures_.may_go_on(step.service)) return fail(give_up(std::move(error)));
    world_.hooks.warn(failures_.told(step.service, error.text()));
    return {};
}

Error Batch::give_up(Error error) {
    if (before_) error = before_->give_up(std::move(error));
    for (; !all_.empty(); all_.pop_back()) error = all_.back().give_up(std::move(error));
    return error;
}

}  // namespace crank::deploy
