#include "cli/saved_plan.h"

#include "sys/file.h"

namespace crank::cli {
namespace {

constexpr std::size_t kMostBytes = 16U << 20U;

// What is still to be built or pulled is not known, so nobody could promise to do just that.
Result<> check_images(const deploy::Plan& plan) {
    using deploy::Action;
    for (const deploy::Step& step : plan.steps) {
        bool builds = step.action == Action::build;
        if (!builds && step.action != Action::pull && step.action != Action::prepare) continue;
        Error error(Code::failed_precondition,
                    "--out: " + deploy::describe(step) + ": what it will be is not known before");
        return fail(std::move(error).with_hint(builds ? "crank compose build " + step.service
                                               : step.action == Action::pull
                                                   ? "crank compose pull"
                                                   : "crank deploy " + step.service));
    }
    return {};
}

}  // namespace

Result<> write_saved_plan(const std::string& path, const LoadedProject& project,
                          const deploy::Desired& desired, const deploy::PlanOptions& options,
                          const deploy::Plan& plan) {
    constexpr mode_t kOwners = 0600;  // it may have the values of secrets
    TRY(check_images(plan));
    deploy::SavedPlan saved{
        .release = deploy::release_of(project.model, project.types, desired, {}, project.files),
        .recreate = options.recreate,
        .remove_orphans = options.remove_orphans,
        .waits = options.waits,
        .steps = deploy::saved_steps(plan)};
    saved.release.number = 1;
    TRY_IN(sys::write_file_atomic(path, deploy::serialize(saved), kOwners, sys::Sync::no), "--out");
    return {};
}

Result<deploy::SavedPlan> read_saved_plan(const std::string& path) {
    std::string text = TRY_IN(sys::read_file(path, kMostBytes), "--plan");
    return TRY_IN(deploy::parse_saved_plan(text), path);
}

}  // namespace crank::cli
