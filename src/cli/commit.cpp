#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "build/changes.h"
#include "build/workspace.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/shown.h"
#include "cli/storage_limit.h"
#include "cli/verbs.h"
#include "engine/events.h"
#include "engine/files/changes.h"
#include "engine/files/container_root.h"
#include "engine/lifecycle.h"
#include "engine/processes.h"
#include "engine/project_labels.h"
#include "oci/reference.h"
#include "runtime/host.h"
#include "runtime/oci/control.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

namespace files = engine::files;

constexpr Flag kFlags[] = {
    {"author", 'a', FlagKind::value, "NAME", "who made the image"},
    {"change", 'c', FlagKind::list, "INSTRUCTION", "a Dockerfile's instruction: 'CMD [\"sh\"]'"},
    {"message", 'm', FlagKind::value, "TEXT", "what the history says of it"},
    {"pause", 'p', FlagKind::boolean, "",
     "hold its processes meanwhile (on; --pause=false: do not)"},
    {"iidfile", 0, FlagKind::value, "FILE", "write the image's id to this file"},
    {"quiet", 'q', FlagKind::boolean, "", "as podman's: the id alone is printed anyway"},
};
constexpr std::string_view kExamples[] = {
    "crank commit mail mail:debug",
    "crank commit -m 'with curl' -c 'CMD [\"python\", \"-m\", \"app\"]' mail mail:curl",
};

// Its processes stand still as long as this lives, unless somebody else has stopped them already.
class Pause {
public:
    static Result<Pause> begin(const engine::Container& container) {
        Pause pause;
        if (!files::has_processes(container) || container.record.cgroups_path.empty()) return pause;
        pause.host_ = TRY(runtime::probe_host());
        const std::string& path = container.record.cgroups_path;
        if (pause.host_.cgroup_mode == runtime::CgroupMode::none ||
            runtime::oci_verbs::is_frozen(path, pause.host_))
            return pause;
        TRY(runtime::oci_verbs::set_frozen(path, true, pause.host_));
        pause.path_ = path;
        return pause;
    }
    Pause(Pause&& other) noexcept
        : path_(std::exchange(other.path_, "")), host_(std::move(other.host_)) {}
    Pause& operator=(Pause&&) = delete;
    ~Pause() {
        if (!path_.empty()) (void)runtime::oci_verbs::set_frozen(path_, false, host_);
    }

private:
    Pause() = default;
    std::string path_;
    runtime::HostFacts host_;
};

// A probe from outside is none of an image's; nor is what follows. An image cannot say of a check
// that it isn't made by itself (--health-interval=disable): nothing is said, then.
std::optional<oci::Healthcheck> health_of(const engine::Record& record) {
    if (!record.health || record.health->test.front() == engine::kProbe) return std::nullopt;
    const engine::HealthCheck& check = *record.health;
    return oci::Healthcheck{.test = check.test,
                            .interval = std::max(check.interval, std::int64_t{0}),
                            .timeout = check.timeout,
                            .start_period = check.start_period,
                            .start_interval = check.start_interval,
                            .retries = check.retries};
}

// Docker: the image's own configuration, with what the container was started with over it.
Result<oci::ContainerConfig> config_of(const engine::Record& record, oci::ContainerConfig config,
                                       const Arguments& arguments) {
    config.user = record.user;
    config.working_dir = record.working_dir;
    config.entrypoint = record.entrypoint;
    config.cmd = {record.args.begin() + static_cast<std::ptrdiff_t>(record.entrypoint.size()),
                  record.args.end()};
    config.env.clear();
    // That crank gives a container at its start is none of the image's.
    for (const std::string& entry : record.env)
        if (!entry.starts_with("HOSTNAME=") && !entry.starts_with("HOME=") &&
            !entry.starts_with("TERM="))
            config.env.push_back(entry);
    config.labels = record.labels;
    engine::drop_project_labels(config.labels);
    config.healthcheck = health_of(record);
    return build::apply_changes(std::move(config), arguments.values("change"));
}

// The container's changes as a layer over its image's; nothing where there are none.
Result<std::optional<oci::Digest>> commit_layer(const engine::Paths& paths, store::Store& store,
                                                const engine::Container& container,
                                                const store::Image& image, bool pause) {
    build::Workspace workspace = TRY(build::Workspace::create(store, image.config.diff_ids));
    {
        sys::UniqueFd below = TRY(files::open_image_files(paths, container));
        sys::UniqueFd upper = TRY(sys::open_dir(paths.container(container.record.id) + "/upper"));
        sys::UniqueFd target = TRY(sys::open_dir(workspace.upper()));
        std::optional<Pause> held;
        if (pause) held.emplace(TRY_IN(Pause::begin(container), "hold its processes"));
        TRY(files::copy_changes(upper.get(), below.get(), target.get(),
                                files::mount_points(container.record)));
    }
    if (TRY(workspace.tidy()).empty) return std::optional<oci::Digest>();
    store::CommitOptions options{.clamp_mtime = sys::wall_clock_ns() / 1'000'000'000};
    return std::optional(TRY(std::move(workspace).commit(store, options)).diff_id);
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::optional<oci::Reference> name;
    if (arguments.words().size() > 1) name = TRY(oci::Reference::parse(arguments.words()[1]));
    if (name && name->digest)
        return fail(Code::invalid_argument,
                    "an image cannot be named by a digest: " + arguments.words()[1]);
    engine::Container container = TRY(engine::find(invocation.paths, arguments.words()[0]));
    const engine::Record& record = container.record;
    if (record.kind == engine::Kind::native)
        return fail(Code::unsupported,
                    engine::shown_name(record) + " is a native worker: it has no files of its own");
    store::Store store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    store::Image image = TRY(store.find(record.image_id));
    oci::ImageConfig config = image.config;
    config.config = TRY(config_of(record, config.config, arguments));
    auto layer = TRY(commit_layer(invocation.paths, store, container, image,
                                  arguments.find_switch("pause").value_or(true)));
    if (layer) config.diff_ids.push_back(*layer);
    config.created = rfc3339(sys::wall_clock_ns());
    config.author = arguments.value("author");
    std::string command;
    for (const std::string& word : record.args) command += (command.empty() ? "" : " ") + word;
    config.history.push_back({.created = config.created,
                              .created_by = command,
                              .comment = arguments.value("message"),
                              .empty_layer = !layer});
    store::Image made = TRY(store.add_image(oci::serialize(config)));
    if (name) TRY(store.tag(*name, made.id));
    engine::note_container(invocation.paths, record, "commit", {{"imageID", made.id.str()}});
    if (std::string file = arguments.value("iidfile"); !file.empty())
        TRY_IN(write_output(file, 0644, made.id.str()), "--iidfile");
    print_line(made.id.str());
    TRY(keep_storage_limit(invocation.paths));
    return 0;
}

}  // namespace

constinit const Verb kCommit = {
    .name = "commit",
    .summary = "make an image of a container's changes",
    .group = Group::containers,
    .syntax = {.flags = kFlags,
               .min_words = 1,
               .max_words = 2,
               .arguments = "CONTAINER [IMAGE[:TAG]]"},
    .examples = kExamples,
    .rights = Rights::required,
    .perform = perform,
};

}  // namespace crank::cli
