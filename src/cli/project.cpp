#include "cli/project.h"

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "cli/compose_files.h"
#include "cli/fetch.h"
#include "cli/output.h"
#include "deploy/check_values.h"
#include "deploy/gpus.h"
#include "deploy/observe.h"
#include "deploy/surroundings.h"

namespace crank::cli {
namespace {

// Who names a service wants it, whatever its profiles.
std::vector<std::string> more_profiles(const compose::Project& project,
                                       const std::vector<std::string>& services) {
    std::vector<std::string> profiles;
    for (const std::string& name : services) {
        const compose::Node* service = project.disabled.find(name);
        const compose::Node* own = service == nullptr ? nullptr : service->find("profiles");
        if (own == nullptr) continue;
        for (const compose::Node& profile : own->items) profiles.push_back(profile.text);
    }
    return profiles;
}

Result<deploy::Images> read_pull(const std::string& text) {
    switch (TRY(parse_pull_policy(text))) {
        case PullPolicy::always: return deploy::Images::always;
        case PullPolicy::never: return deploy::Images::never;
        case PullPolicy::newer:
            return fail(Error(Code::usage, "--pull=newer is for crank run, build and pull")
                            .with_hint("--pull=always"));
        default: return deploy::Images::usual;
    }
}

Result<> exclude(const Arguments& arguments, std::string_view one, std::string_view other) {
    if (!arguments.on(one) || !arguments.on(other)) return {};
    return fail(Error(Code::usage, "--" + std::string(one) + " and --" + std::string(other) +
                                       " exclude each other")
                    .with_hint("leave out one of the two"));
}

}  // namespace

Result<compose::Project> load_model(compose::LoadOptions options,
                                    const std::vector<std::string>& services, compose::Files& files,
                                    std::optional<compose::Diagnostics>& diagnostics) {
    diagnostics.emplace();
    Result<compose::Project> project = compose::load(options, files, *diagnostics);
    if (!project) return project;
    std::vector<std::string> more = more_profiles(*project, services);
    if (more.empty()) return project;
    // Without --profile those of the environment are in force.
    options.profiles = project->profiles;
    options.profiles.insert(options.profiles.end(), more.begin(), more.end());
    diagnostics.emplace();
    return compose::load(options, files, *diagnostics);
}

Result<LoadedProject> load_project(const Arguments& arguments,
                                   const std::vector<std::string>& services) {
    compose::LoadOptions options = TRY(find_compose_files(arguments));
    std::optional<compose::Diagnostics> diagnostics;
    ProjectFiles files;
    Result<compose::Project> project = load_model(options, services, files, diagnostics);
    Result<compose::TypedProject> types = fail(Code::internal, "the project is not read");
    if (project) types = compose::typed(*project, *diagnostics, deploy::look_around());
    for (const std::string& warning : diagnostics->warnings()) warn(warning);
    if (!project) return fail(std::move(project.error()));
    if (types) TRY(deploy::check_values(*project, *types, *diagnostics));
    return LoadedProject{std::move(*project), TRY(std::move(types)), join(options.files, ","),
                         files.asked()};
}

Result<deploy::PlanOptions> read_plan_options(const Arguments& arguments) {
    TRY(exclude(arguments, "force-recreate", "no-recreate"));
    TRY(exclude(arguments, "build", "no-build"));
    deploy::PlanOptions options{.remove_orphans = arguments.on("remove-orphans")};
    if (arguments.on("force-recreate")) options.recreate = deploy::Recreate::always;
    if (arguments.on("no-recreate")) options.recreate = deploy::Recreate::never;
    if (arguments.on("build")) options.images.insert(deploy::Images::build);
    if (auto text = arguments.find("pull")) options.images.insert(TRY(read_pull(*text)));
    options.waits = !arguments.on("no-deps");
    return options;
}

Result<std::pair<std::string, std::int64_t>> read_replicas(const std::string& text,
                                                           const std::string& what) {
    std::size_t equals = text.find('=');
    auto number = equals == std::string::npos ? std::nullopt : parse_int(text.substr(equals + 1));
    if (equals == 0 || !number || *number < 0 || *number > compose::kMostReplicas)
        return fail(Error(Code::usage, what + ": SERVICE=NUMBER is wanted, from 0 to " +
                                           std::to_string(compose::kMostReplicas))
                        .with_hint(what.substr(0, what.size() - text.size()) + "web=3"));
    return std::pair(text.substr(0, equals), *number);
}

Result<deploy::Selection> read_selection(const Arguments& arguments) {
    deploy::Selection selection{.services = arguments.words(),
                                .dependencies = !arguments.on("no-deps")};
    for (const std::string& text : arguments.values("scale")) {
        auto [service, number] = TRY(read_replicas(text, "--scale " + text));
        selection.replicas[service] = number;
    }
    return selection;
}

Result<deploy::Plan> plan_now(const Invocation& invocation, const engine::Config& config,
                              deploy::Desired& desired, const deploy::PlanOptions& options) {
    deploy::Sight sight = TRY(deploy::observe(invocation.paths, desired.project));
    return plan_for(invocation, config, desired, options, sight.observed);
}

Result<deploy::Plan> plan_for(const Invocation& invocation, const engine::Config& config,
                              deploy::Desired& desired, const deploy::PlanOptions& options,
                              const deploy::Observed& observed) {
    TRY(deploy::find_images(invocation.paths, config, desired));
    TRY(deploy::find_gpus(invocation.paths, config, desired));
    deploy::Plan plan = TRY(deploy::plan_up(desired, observed, options));
    const Arguments& arguments = invocation.arguments;
    if (!arguments.knows("no-build") || !arguments.on("no-build")) return plan;
    for (const deploy::Step& step : plan.steps)
        if (step.action == deploy::Action::build || step.action == deploy::Action::prepare)
            return fail(Error(Code::not_found, "service " + step.service + ": no such image: " +
                                                   step.object + ", and --no-build was given")
                            .with_hint("leave out --no-build"));
    return plan;
}

void tell_plan(const deploy::Plan& plan) {
    for (const std::string& warning : plan.warnings) warn(warning);
    if (plan.orphans.empty()) return;
    warn("containers of services that the compose file does not have: " + join(plan.orphans, ", ") +
         " (--remove-orphans removes them)");
}

}  // namespace crank::cli
