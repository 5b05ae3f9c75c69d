#include "build/changes.h"

#include "build/image_config.h"
#include "dockerfile/lower.h"

namespace crank::build {

namespace {

namespace df = dockerfile;

bool changes_configuration(const df::Step& step) {
    return !std::holds_alternative<df::RunStep>(step.body) &&
           !std::holds_alternative<df::TransferStep>(step.body) &&
           !std::holds_alternative<df::Arg>(step.body) &&
           !std::holds_alternative<df::Maintainer>(step.body);
}

Result<> apply_change(ConfigState& state, const std::string& change) {
    if (change.find('\n') != std::string::npos)
        return fail(Code::invalid_argument, "a change is one instruction on one line");
    auto file = TRY(df::parse("FROM scratch\n" + change + "\n", "--change"));
    auto spec = TRY(df::lower(file, {}));
    const oci::ContainerConfig& config = state.image.config;
    auto base = df::StageState::of_scratch();
    base.env = df::Environment::from_list(config.env);
    base.visible = base.env;
    if (!config.working_dir.empty()) base.workdir = config.working_dir;
    if (!config.shell.empty()) base.shell = config.shell;
    base.user = config.user;
    if (spec.stages.size() != 1)
        return fail(Code::invalid_argument, "FROM changes no configuration");
    auto stage = TRY(df::lower_stage(spec, 0, base));
    if (stage.steps.size() != 1) return fail(Code::invalid_argument, "it is no instruction");
    const df::Step& step = stage.steps.front();
    if (!changes_configuration(step))
        return fail(Error(Code::invalid_argument, step.name + " changes no configuration")
                        .with_hint("CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, "
                                   "SHELL, STOPSIGNAL, USER, VOLUME or WORKDIR"));
    apply_step(state, step, stage, false, 0);
    return {};
}

}  // namespace

Result<oci::ContainerConfig> apply_changes(oci::ContainerConfig config,
                                           std::span<const std::string> changes) {
    ConfigState state;
    state.image.config = std::move(config);
    // An ENTRYPOINT must not drop the CMD of another change, whichever comes first.
    state.own_cmd = true;
    for (const std::string& change : changes)
        TRY_IN(apply_change(state, change), "--change '" + change + "'");
    return std::move(state.image.config);
}

}  // namespace crank::build
