// compose build and compose pull: the images of a project's services, and no containers.
#include <algorithm>
#include <csignal>
#include <set>

#include "cli/environment.h"
#include "cli/output.h"
#include "cli/project.h"
#include "cli/verbs.h"

namespace crank::cli {
namespace {

constexpr Flag kBuildOwn[] = {
    {"no-cache", 0, FlagKind::boolean, "", "run every step again"},
    {"pull", 0, FlagKind::boolean, "", "get newer images for FROM"},
    {"quiet", 'q', FlagKind::boolean, "", "do not show what the steps print"},
};
constexpr auto kBuildFlags = with_project_flags(kBuildOwn);
constexpr MissingFlag kBuildMissing[] = {
    {"build-arg", 0, true, "build.args of the service, or crank build"},
    {"builder", 0, true, "leave it out: crank is the builder"},
    {"check", 0, false, "crank build --check DIRECTORY"},
    {"memory", 'm', true, "crank build --memory SIZE DIRECTORY"},
    {"print", 0, false, "crank build --explain DIRECTORY"},
    {"provenance", 0, true, "leave it out: there is none"},
    {"push", 0, false, "crank push IMAGE"},
    {"sbom", 0, true, "leave it out: there is none"},
    {"ssh", 0, true, "build.ssh of the service"},
    {"with-dependencies", 0, false, "name them too, or none: all"},
};
constexpr Flag kPullOwn[] = {
    {"ignore-buildable", 0, FlagKind::boolean, "", "taken: what can be built is never pulled"},
    {"quiet", 'q', FlagKind::boolean, "", "do not say which images were got"},
};
constexpr auto kPullFlags = with_project_flags(kPullOwn);
constexpr MissingFlag kPullMissing[] = {
    {"ignore-pull-failures", 0, false, "name the services whose images are to be had"},
    {"include-deps", 0, false, "name them too, or none: all"},
    {"policy", 0, true, "pull_policy of the service"},
};
constexpr std::string_view kBuildExamples[] = {"crank compose build",
                                               "crank compose build --no-cache web"};
constexpr std::string_view kPullExamples[] = {"crank compose pull", "crank compose pull db"};

// Those that are named, or all. Errors: not_found, with the nearest name.
Result<std::set<std::string>> chosen(const LoadedProject& project,
                                     const std::vector<std::string>& words) {
    deploy::Desired desired = TRY(deploy::desired_of(project.model, project.types,
                                                     {.services = words, .dependencies = false}));
    std::set<std::string> names;
    for (const deploy::DesiredService& service : desired.services) names.insert(service.name);
    return names;
}

Result<int> build(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    TRY(refuse_environment(arguments, "build"));
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    LoadedProject project = TRY(load_project(arguments, arguments.words()));
    std::set<std::string> names = TRY(chosen(project, arguments.words()));
    for (compose::Service& service : project.types.services) {
        if (!service.build) continue;
        service.build->no_cache = service.build->no_cache || arguments.on("no-cache");
        service.build->pull = service.build->pull || arguments.on("pull");
    }
    sys::SignalQueue signals = TRY(sys::SignalQueue::open({SIGINT, SIGTERM, SIGHUP}));
    deploy::Hooks hooks = make_hooks(invocation, config, project, signals.fd());
    std::set<std::string> done;
    for (const compose::Service& service : project.types.services) {
        bool builds = service.build && service.native() == nullptr;
        // However many services have it.
        if (!names.contains(service.name) || !builds || !done.insert(service.image).second)
            continue;
        TRY(hooks.build(service));
        note("Image " + service.image + "  Built");
    }
    if (done.empty()) note("no service has a build");
    return 0;
}

// Its own, and those of its steps before the start, but for what a service builds.
std::vector<std::string> pulled_images(const LoadedProject& project,
                                       const compose::Service& service) {
    std::vector<std::string> images;
    if (service.native() != nullptr) return images;
    if (!service.build && !service.image.empty()) images.push_back(service.image);
    for (const compose::PreStart& step : service.pre_start) images.push_back(step.container.image);
    std::erase_if(images, [&](const std::string& image) {
        return std::ranges::any_of(project.types.services, [&](const compose::Service& other) {
            return other.build && deploy::whole_name(other.image) == deploy::whole_name(image);
        });
    });
    return images;
}

Result<int> pull(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    TRY(refuse_environment(arguments, "pull"));
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    LoadedProject project = TRY(load_project(arguments, arguments.words()));
    std::set<std::string> names = TRY(chosen(project, arguments.words()));
    sys::SignalQueue signals = TRY(sys::SignalQueue::open({SIGINT, SIGTERM, SIGHUP}));
    deploy::Hooks hooks = make_hooks(invocation, config, project, signals.fd());
    std::set<std::string> done;
    for (const compose::Service& service : project.types.services) {
        if (!names.contains(service.name)) continue;
        for (const std::string& image : pulled_images(project, service)) {
            if (!done.insert(deploy::whole_name(image)).second) continue;
            TRY_IN(hooks.pull(image), "service " + service.name);
            if (!arguments.on("quiet")) note("Image " + image + "  Pulled");
        }
    }
    if (done.empty()) note("every service is built");
    return 0;
}

}  // namespace

constinit const Verb kComposeBuild = {
    .name = "compose build",
    .summary = "build the images of a compose project's services",
    .group = Group::images,
    .syntax = {.flags = kBuildFlags,
               .missing = kBuildMissing,
               .max_words = kAnyWords,
               .arguments = "[SERVICE...]"},
    .examples = kBuildExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = build,
};
constinit const Verb kComposePull = {
    .name = "compose pull",
    .summary = "get the images of a compose project's services from their registries",
    .group = Group::images,
    .syntax = {.flags = kPullFlags,
               .missing = kPullMissing,
               .max_words = kAnyWords,
               .arguments = "[SERVICE...]"},
    .examples = kPullExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = pull,
};

}  // namespace crank::cli
