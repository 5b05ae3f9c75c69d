// The images of a project's services, and what is told of each step.
#include "base/text.h"
#include "build/build.h"
#include "cli/build_context.h"
#include "cli/build_flags.h"
#include "cli/build_image.h"
#include "cli/fetch.h"
#include "cli/native_release.h"
#include "cli/output.h"
#include "cli/project.h"
#include "cli/storage_limit.h"
#include "engine/events.h"
#include "sys/file.h"

namespace crank::cli {
namespace {

using compose::Build;

std::string place_of(const LoadedProject& project, const compose::Service& service) {
    return "services." + service.name + ".build of " + project.types.name;
}

Result<> read_place(const Build& build, ContextReader& reader, build::BuildRequest& request) {
    bool remote = build.context.contains("://") || build.context.starts_with("git@");
    if (remote && build.dockerfile_inline) {
        request.context = TRY(reader.fetch_directory(build.context));
        request.dockerfile_text = *build.dockerfile_inline;
        return {};
    }
    if (remote)
        return reader.read_place(build.context,
                                 build.dockerfile == "Dockerfile" ? "" : build.dockerfile);
    Result<sys::FileInfo> info = sys::stat(build.context);
    if (!info || !info->is_dir())
        return fail(Error(Code::not_found, "there is no directory " + build.context)
                        .with_hint("build.context is taken from the compose file's directory"));
    request.context = TRY(sys::real_path(build.context));
    if (build.dockerfile_inline) {
        request.dockerfile_text = *build.dockerfile_inline;
        return {};
    }
    request.dockerfile = build.dockerfile.starts_with('/')
                             ? build.dockerfile
                             : request.context + "/" + build.dockerfile;
    // podman's name for it.
    if (build.dockerfile == "Dockerfile" && !sys::exists(request.dockerfile) &&
        sys::exists(request.context + "/Containerfile"))
        request.dockerfile = request.context + "/Containerfile";
    return {};
}

void read_build_secrets(const LoadedProject& project, const Build& build,
                        build::BuildRequest& request) {
    for (const auto& [id, key] : build.secret_ids)
        for (const compose::FileSource& source : project.types.secrets)
            if (source.key == key) request.secrets[id] = {source.file, "", source.content};
}

Result<> read_build_steps(const Build& build, build::BuildRequest::StepSettings& steps) {
    for (const auto& [name, address] : build.hosts)
        TRY_IN(add_host(name + "=" + address, steps), "build.extra_hosts");
    Texts ulimits;
    for (const compose::Ulimit& limit : build.ulimits)
        ulimits.push_back(limit.name + "=" + std::to_string(limit.soft) + ":" +
                          std::to_string(limit.hard));
    TRY_IN(add_ulimits(ulimits, steps), "build.ulimits");
    // 0: the usual, as for a service.
    if (build.shm_size.value_or(0) != 0) steps.shm_size = build.shm_size;
    return {};
}

Result<> read_build_contexts(const LoadedProject& project, const Build& build,
                             ContextReader& reader) {
    constexpr std::string_view kService = "service:";
    Texts contexts;
    for (const auto& [name, value] : build.contexts) {
        const compose::Service* other = value.starts_with(kService)
                                            ? project.types.find(value.substr(kService.size()))
                                            : nullptr;
        contexts.push_back(name + "=" +
                           (other == nullptr ? value : "docker-image://" + other->image));
    }
    return reader.read_contexts(contexts);
}

// Where what it needs is brought to.
struct Place {
    store::Store& store;
    int cancel_fd;
    Brought brought = {};
};

Result<build::BuildRequest> request_of(const LoadedProject& project,
                                       const compose::Service& service, Place& place) {
    const Build& build = *service.build;
    build::BuildRequest request;
    ContextReader reader(place.store, place.cancel_fd, place.brought, request);
    TRY(read_place(build, reader, request));
    request.tags = {service.image};
    request.tags.insert(request.tags.end(), build.tags.begin(), build.tags.end());
    request.build_args = build.args;
    request.labels = build.labels;
    request.target = build.target;
    request.no_cache = build.no_cache;
    request.no_cache_stages = read_stages(build.no_cache_stages);
    TRY(read_build_steps(build, request.steps));
    request.pull = build.pull;
    if (build.network == "none") request.network = build::BuildRequest::Network::none;
    if (build.network == "host") request.network = build::BuildRequest::Network::host;
    read_build_secrets(project, build, request);
    TRY(read_build_contexts(project, build, reader));
    Texts agents;
    for (const auto& [id, path] : build.ssh) agents.push_back(path.empty() ? id : id + "=" + path);
    TRY(read_agents(agents, environment_map(), request));
    return request;
}

Result<> build_service(const engine::Paths& paths, const engine::Config& config,
                       const LoadedProject& project, const compose::Service& service,
                       ProgressMode progress, int cancel_fd) {
    std::optional store = TRY(store::Store::open(paths.root, store::OpenMode::read_write));
    {
        Place place{*store, cancel_fd};
        build::BuildRequest request = TRY(request_of(project, service, place));
        std::optional<engine::Kept> kept;
        TRY(complete_build(paths, config, kept, request));
        attend_build(progress, cancel_fd, *store, request);
        build::BuildOutcome outcome = TRY(build::build(request, *store));
        engine::note_image(paths, outcome.id.str(), "build", service.image);
    }
    store.reset();
    return keep_storage_limit(paths);
}

// As Docker writes it: "Container mail-web-1  Started".
void tell_done(const deploy::Step& step, bool starts) {
    using deploy::Action;
    auto line = [&](std::string_view what, std::string_view verb) {
        note(std::string(what) + " " + step.object + "  " + std::string(verb));
    };
    switch (step.action) {
        case Action::build: return line("Image", "Built");
        case Action::prepare: return line("Directory", "Prepared");
        case Action::pull: return line("Image", "Pulled");
        case Action::create_network: return line("Network", "Created");
        case Action::create_volume: return line("Volume", "Created");
        case Action::publish: return line("Port", "Published");
        case Action::unpublish: return line("Port", "Released");
        case Action::lead: return line("Service", "Led to");
        case Action::wait: {
            using Condition = compose::Dependency::Condition;
            bool healthy = step.awaited.condition == Condition::healthy;
            return line("Service", healthy ? "Healthy" : "Completed");
        }
        case Action::create: return line("Container", starts ? "Started" : "Created");
        case Action::finish:
        case Action::recreate: return line("Container", "Recreated");
        case Action::restart: return line("Container", "Restarted");
        case Action::rename: return line("Container", "Renamed");
        case Action::start: return line("Container", "Started");
        case Action::remove: return line("Container", "Removed");
        case Action::cool:
        case Action::withdraw: return;  // with its service, or its network
        case Action::remove_network: return line("Network", "Removed");
        case Action::remove_volume: return line("Volume", "Removed");
    }
}

}  // namespace

Result<std::optional<std::string>> foretell_image(const engine::Paths& paths,
                                                  const engine::Config& config,
                                                  const LoadedProject& project,
                                                  const std::string& name) {
    const compose::Service& service = *project.types.find(name);
    store::Store store = TRY(store::Store::open(paths.root, store::OpenMode::read_write));
    Place place{store, -1};
    build::BuildRequest request =
        TRY_IN(request_of(project, service, place), place_of(project, service));
    std::optional<engine::Kept> kept;
    TRY(complete_build(paths, config, kept, request));
    Result<build::Explanation> explanation = build::explain(request, store);
    if (explanation) return explanation->id ? std::optional(explanation->id->str()) : std::nullopt;
    // A base that would have to be got, a file of the network: nobody knows before.
    Code code = explanation.error().code();
    if (code == Code::not_found || code == Code::unsupported) return std::nullopt;
    return fail(std::move(explanation).error().with_context(place_of(project, service)));
}

namespace {

// The exit code of `up` is not that of a program which a Dockerfile runs.
Result<> of_step(Result<> built, const std::string& place) {
    if (built) return built;
    Error error = std::move(built).error().with_context(place);
    Code code = error.code();
    bool program = code == Code::cannot_invoke || code == Code::command_not_found;
    return fail(program ? std::move(error).with_code(Code::step_failed) : std::move(error));
}

}  // namespace

deploy::Hooks make_hooks(const Invocation& invocation, const engine::Config& config,
                         const LoadedProject& project, int cancel_fd, bool quiet) {
    const engine::Paths& paths = invocation.paths;
    bool starts = !invocation.arguments.knows("no-start") || !invocation.arguments.on("no-start");
    bool silent =
        quiet || (invocation.arguments.knows("quiet") && invocation.arguments.on("quiet"));
    return {.build = [&paths, &config, &project, silent,
                      cancel_fd](const compose::Service& service) -> Result<> {
                ProgressMode progress = TRY(parse_progress(silent ? "quiet" : ""));
                return of_step(build_service(paths, config, project, service, progress, cancel_fd),
                               place_of(project, service));
            },
            .pull = [&paths, &config, cancel_fd](const std::string& image) -> Result<> {
                TRY(fetch_image(paths, config, image, cancel_fd));
                return keep_storage_limit(paths);
            },
            .prepare = [&paths, &project](const compose::Service& service) -> Result<> {
                return prepare_native(paths, project.types.name, service);
            },
            .begun = [](const deploy::Step&) {},
            .done =
                [starts, quiet](const deploy::Step& step) {
                    if (!quiet) tell_done(step, starts);
                },
            .warn = [](const std::string& text) { warn(text); },
            .say =
                [quiet](const std::string& text) {
                    if (!quiet) note(text);
                },
            .waits = [](const std::string& text) { note(text); }};
}

}  // namespace crank::cli
