#include "deploy/container.h"

#include <algorithm>

#include "base/text.h"
#include "deploy/certificates.h"
#include "deploy/desired.h"
#include "deploy/gpus.h"
#include "deploy/native_ports.h"
#include "deploy/native_releases.h"
#include "deploy/records.h"
#include "deploy/run_options.h"
#include "engine/failed_start.h"
#include "engine/local/prepare.h"
#include "engine/local/start.h"
#include "engine/native/start.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::deploy {
namespace {

constexpr std::size_t kMaxProfile = std::size_t{1} << 20;
constexpr std::size_t kMaxContent = std::size_t{1} << 20;

const DesiredService& desired_service(const World& world, const std::string& name) {
    return *std::ranges::find(world.desired.services, name, &DesiredService::name);
}

// Its first container's, also of one that is not started now.
std::string first_container(const World& world, const std::string& name) {
    const compose::Service* service = world.project.find(name);
    if (service != nullptr && !service->container_name.empty()) return service->container_name;
    return world.desired.project + "-" + name + "-1";
}

Result<void> check_there(const std::string& what, const std::string& file) {
    if (sys::exists(file)) return {};
    return fail(Error(Code::not_found, what + ": " + file + " does not exist")
                    .with_hint("write it, or take the field file out"));
}

// Where each start of the container reads it. What no file of the user's has is kept for that, by
// the name of its content, and for root alone.
Result<std::string> source_of_secret(const World& world, const compose::FileSource& source,
                                     const std::string& what) {
    if (source.content)
        return TRY_IN(Records(world.paths, world.desired.project)
                          .keep_file({.key = source.key, .mode = 0400}, *source.content),
                      what);
    TRY(check_there(what, source.file));
    return source.file;
}

// What is mounted.
Result<std::string> source_of_config(const World& world, const compose::FileUse& use,
                                     const compose::FileSource& source, const std::string& what) {
    bool as_it_is = use.uid.empty() && use.gid.empty() && !use.mode;
    Records records(world.paths, world.desired.project);
    if (source.content) return TRY_IN(records.keep_file(use, *source.content), what);
    TRY(check_there(what, source.file));
    if (as_it_is) return source.file;
    std::string content = TRY_IN(sys::read_file(source.file, kMaxContent), what);
    return TRY_IN(records.keep_file(use, content), what);
}

Result<std::string> file_of(const World& world, const compose::FileUse& use) {
    bool secret = use.kind == compose::FileUse::Kind::secret;
    const auto& sources = secret ? world.project.secrets : world.project.configs;
    auto source = std::ranges::find(sources, use.key, &compose::FileSource::key);
    std::string what = (secret ? "secrets." : "configs.") + use.key;
    if (source == sources.end()) return fail(Code::not_found, what + " is not declared");
    return secret ? source_of_secret(world, *source, what)
                  : source_of_config(world, use, *source, what);
}

ContainerNames names_of(const World& world) {
    auto named = [](const auto& all, const std::string& key) {
        auto found = std::ranges::find(all, key, [](const auto& one) { return one.key; });
        return found == all.end() ? key : found->name;
    };
    return {.network = [&world, named](
                           const std::string& key) { return named(world.project.networks, key); },
            .volume = [&world,
                       named](const std::string& key) { return named(world.project.volumes, key); },
            .container =
                [&world](const std::string& service) { return first_container(world, service); },
            .file = [&world](const compose::FileUse& use) { return file_of(world, use); },
            .read =
                [&world](const std::string& path) {
                    std::string whole =
                        path.starts_with('/') ? path : world.project.directory + "/" + path;
                    return sys::read_file(whole, kMaxProfile);
                }};
}

std::string depends_on(const compose::Service& service) {
    std::vector<std::string> all;
    for (const compose::Dependency& on : service.depends_on) {
        using Condition = compose::Dependency::Condition;
        std::string condition = on.condition == Condition::healthy ? "service_healthy"
                                : on.condition == Condition::completed
                                    ? "service_completed_successfully"
                                    : "service_started";
        all.push_back(on.service + ":" + condition + ":" + (on.restart ? "true" : "false"));
    }
    return join(all, ",");
}

void add_labels(const World& world, const Step& step, const compose::Service& service,
                engine::RunOptions& options) {
    auto set = [&](std::string_view name, std::string value) {
        options.labels.insert_or_assign(std::string(name), std::move(value));
    };
    set(kProjectLabel, world.desired.project);
    set(kServiceLabel, service.name);
    set(kNumberLabel, std::to_string(step.number));
    set(kHashLabel, desired_service(world, service.name).hash);
    set(kOneOffLabel, "False");
    set(kDependsLabel, depends_on(service));
    set(kDirectoryLabel, world.project.directory);
    set(kFilesLabel, world.config_files);
    // Says of itself that it was replaced, and counts for nothing then.
    options.labels.erase(std::string(engine::kWarmLabel));
}

// What the old one has kept for itself goes on in the new one.
void take_over(const engine::Record& before, engine::RunOptions& options) {
    for (const engine::MountRecord& mount : before.mounts) {
        if (!mount.anonymous || mount.volume.empty()) continue;
        auto same =
            std::ranges::find(options.binds, mount.destination, &engine::BindMount::destination);
        engine::VolumeUse use{.name = mount.volume, .anonymous = true};
        if (same == options.binds.end())
            options.binds.push_back({.source = "",
                                     .destination = mount.destination,
                                     .read_only = mount.read_only,
                                     .volume = std::move(use)});
        else if (same->volume && same->volume->name.empty())
            same->volume->name = mount.volume;
    }
}

// As Docker does it for `./data:/data`.
Result<void> make_sources(const compose::Service& service) {
    for (const compose::Mount& mount : service.mounts)
        if (mount.type == compose::Mount::Type::bind && mount.create_source &&
            !sys::exists(mount.source))
            TRY_IN(sys::make_dirs(mount.source), "services." + service.name + ".volumes");
    return {};
}

Result<engine::Record> make(const World& world, engine::local::StartRequest request, bool native) {
    if (!world.starts)
        return (native ? engine::native::create : engine::local::create)(std::move(request));
    const engine::RunOptions& options = request.options;
    engine::FailedStart failed{
        .name = options.name, .image = options.image, .command = join(options.command, " ")};
    auto start = native ? engine::native::start : engine::local::start;
    Result<engine::local::Started> started = start(std::move(request));
    if (started) {
        engine::forget_failed_start(world.paths, failed.name);
        return std::move(started->record);
    }
    failed.text = started.error().text();
    failed.hint = started.error().hint();
    failed.exit_code = describe(started.error().code()).exit_code;
    failed.at_ns = sys::wall_clock_ns();
    engine::note_failed_start(world.paths, failed);
    // The exit code of `up` is not the worker's.
    Code code = started.error().code();
    if (code == Code::cannot_invoke || code == Code::command_not_found)
        return fail(std::move(started.error()).with_code(Code::failed_precondition));
    return fail(std::move(started.error()));
}

// Without root the gateway is in the network of the user's containers, from where nothing leads to
// 127.0.0.1 of the machine.
Result<void> check_reachable(const World& world, const compose::Service& service,
                             const DesiredService& desired) {
    if (world.home < 0 || desired.ports.empty()) return {};
    return fail(
        Error(Code::unsupported, "services." + service.name +
                                     ".ports: without root the gateway reaches no native worker")
            .with_hint("without ports: it listens on this machine itself"));
}

Certificates certificates_of(const World& world) {
    return {world.paths, world.desired.project,
            authority_directory(world.config.text("certs.authority"))};
}

constexpr std::string_view kCertificateVariable = "CERT_DIR=";

// Where the worker looks for its certificate, by what it is told last.
std::string certificate_directory(const compose::Service& service,
                                  const std::vector<std::string>& image,
                                  const std::vector<std::string>& own) {
    std::string directory = service.worker.certificate->directory;
    if (!directory.empty()) return engine::clean_path(directory);
    directory = "/run/crank/certificate";
    for (const auto* variables : {&image, &own})
        for (const std::string& variable : *variables)
            if (variable.starts_with(std::string(kCertificateVariable) + "/"))
                directory = engine::clean_path(variable.substr(kCertificateVariable.size()));
    return directory;
}

Result<void> add_certificate(const World& world, const compose::Service& service,
                             engine::RunOptions& options) {
    if (!service.worker.certificate) return {};
    engine::local::Image image =
        TRY(engine::local::find_image(world.paths, world.config, options.image));
    std::string directory =
        certificate_directory(service, image.stored.config.config.env, options.env);
    auto taken = [&](const engine::BindMount& mount) { return mount.destination == directory; };
    if (std::ranges::any_of(options.binds, taken))
        return fail(Error(Code::failed_precondition, "services." + service.name +
                                                         ".x-crank.certificate: something else is "
                                                         "mounted at " +
                                                         directory)
                        .with_hint("take it out, or x-crank: {certificate: {directory: DIR}}"));
    oci::UserEntry worker = TRY(engine::local::worker_of(image, options));
    std::string kept =
        TRY(certificates_of(world).keep(service, {.uid = worker.uid, .gid = worker.gid}));
    options.binds.push_back(
        {.source = std::move(kept), .destination = directory, .read_only = true});
    options.env.push_back(std::string(kCertificateVariable) + directory);
    return {};
}

// A process of this machine reads it where it lies.
Result<void> add_native_certificate(const World& world, const compose::Service& service,
                                    engine::RunOptions& options) {
    if (!service.worker.certificate) return {};
    oci::Owner owner{.uid = sys::effective_uid(), .gid = sys::effective_uid()};
    options.env.push_back(std::string(kCertificateVariable) +
                          TRY(certificates_of(world).keep(service, owner)));
    return {};
}

Result<engine::RunOptions> native_options(const World& world, const Step& step,
                                          const compose::Service& service,
                                          const DesiredService& desired) {
    TRY(check_reachable(world, service, desired));
    auto releases = TRY(NativeReleases::of(world.paths, world.desired.project, service.name));
    NativePlace place{.directory = desired.builds ? releases.directory_of(desired.image_id)
                                                  : world.project.directory,
                      .ports = TRY(choose_ports(world.paths, service, step.object))};
    engine::RunOptions options = TRY(native_run_options(service, place, names_of(world)));
    options.labels.insert_or_assign(std::string(kNativeLabel), desired.image_id);
    if (desired.native_gpu) options.labels.insert_or_assign(std::string(kNativeGpuLabel), "true");
    options.labels.insert_or_assign(std::string(kMayFreezeLabel),
                                    may_stand_still(service) ? "true" : "false");
    TRY(add_native_certificate(world, service, options));
    return options;
}

Result<engine::RunOptions> container_options(const World& world, const compose::Service& service,
                                             const DesiredService& desired,
                                             const engine::Record* before) {
    engine::RunOptions options = TRY(run_options(service, names_of(world)));
    if (!desired.pinned.empty()) options.image = desired.pinned;
    if (before != nullptr) take_over(*before, options);
    TRY(add_certificate(world, service, options));
    TRY(choose_gpus(world.paths, world.config, options));
    return options;
}

}  // namespace

Result<std::string> make_container(const World& world, const Step& step,
                                   const engine::Record* before) {
    const compose::Service& service = *world.project.find(step.service);
    const DesiredService& desired = desired_service(world, step.service);
    engine::RunOptions options =
        TRY(desired.native ? native_options(world, step, service, desired)
                           : container_options(world, service, desired, before));
    options.name = step.object;
    TRY(engine::check_name(options.name));
    add_labels(world, step, service, options);
    TRY(make_sources(service));
    // Before the container: its hash means this.
    TRY(Records(world.paths, world.desired.project).keep_service(desired.hash, desired.identity));
    engine::Record record = TRY_IN(
        make(world, {.paths = world.paths, .config = world.config, .options = std::move(options)},
             desired.native),
        "container " + step.object);
    for (const std::string& warning : record.warnings)
        world.hooks.warn("container " + step.object + ": " + warning);
    return record.id;
}

Result<engine::RunOptions> pre_start_options(const World& world, const compose::Service& service,
                                             std::size_t index, const engine::Record* before) {
    const compose::Service& step = service.pre_start[index].container;
    TRY(make_sources(step));
    engine::RunOptions options = TRY(run_options(step, names_of(world)));
    const DesiredService& desired = desired_service(world, service.name);
    // As it was looked for: a name may mean another image by now.
    if (!desired.pre_start[index].image_id.empty())
        options.image = desired.pre_start[index].image_id;
    if (before != nullptr) take_over(*before, options);
    // Nobody who looks for the service finds it, nor is its address free.
    for (engine::NetworkUse& network : options.networks) network = {.name = network.name};
    options.settings.no_healthcheck = true;
    return options;
}

}  // namespace crank::deploy
