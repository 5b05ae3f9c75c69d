#include "build/build.h"

#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "build/bootstrap.h"
#include "cli/build_flags.h"
#include "cli/build_image.h"
#include "cli/fetch.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/progress.h"
#include "cli/storage_limit.h"
#include "cli/verbs.h"
#include "engine/config.h"
#include "engine/events.h"
#include "engine/names.h"
#include "engine/options.h"
#include "exchange/archive.h"
#include "oci/reference.h"
#include "runtime/host.h"
#include "store/extract.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/signals.h"
#include "sys/stream.h"
#include "sys/system.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

constexpr int kStdin = 0, kStdout = 1;
constexpr std::size_t kMaxDockerfile = std::size_t{1} << 20;

constexpr Flag kFlags[] = {
    {"tag", 't', FlagKind::list, "NAME[:TAG]", "name of the image"},
    {"file", 'f', FlagKind::value, "FILE",
     "the Dockerfile (CONTEXT/Dockerfile or CONTEXT/Containerfile; -: standard input)"},
    {"ignorefile", 0, FlagKind::value, "FILE",
     "what the build does not see (CONTEXT/.dockerignore or .containerignore)"},
    {"build-arg", 0, FlagKind::list, "NAME[=VALUE]", "value of an ARG"},
    {"label", 0, FlagKind::list, "NAME[=VALUE]", "a label of the image"},
    {"target", 0, FlagKind::value, "STAGE", "build up to this stage"},
    {"no-cache", 0, FlagKind::boolean, "", "do every step again"},
    {"no-cache-filter", 0, FlagKind::list, "STAGE[,STAGE]", "do every step of these stages again"},
    {"secret", 0, FlagKind::list, "id=ID[,src=FILE|,env=NAME]",
     "what RUN --mount=type=secret,id=ID shows; in no layer and no cache key"},
    {"ssh", 0, FlagKind::list, "ID[=SOCKET|KEY]",
     "the agent that RUN --mount=type=ssh reaches (default: SSH_AUTH_SOCK)"},
    {"build-context", 0, FlagKind::list, "NAME=DIR|docker-image://IMAGE",
     "what FROM NAME and --from=NAME mean"},
    {"output", 'o', FlagKind::list, "type=TYPE[,dest=PATH]",
     "local: the files, into a directory; tar: the files; oci, docker: the image as an archive; "
     "image: to the store (the default)"},
    {"iidfile", 0, FlagKind::value, "FILE", "write the image's id to this file"},
    {"load", 0, FlagKind::boolean, "", "changes nothing: images always go to the store"},
    {"network", 0, FlagKind::value, "MODE", "network of RUN steps: bridge (default), none or host"},
    {"pull", 0, FlagKind::optional, "always|missing|never|newer",
     "whether to get the base images from their registries again (missing; --pull alone: always)"},
    {"quiet", 'q', FlagKind::boolean, "", "print the image's id alone"},
    {"progress", 0, FlagKind::value, "MODE", "auto, plain, tty or quiet"},
    {"explain", 0, FlagKind::boolean, "", "print what would be done, and do nothing"},
};
constexpr MissingFlag kMissing[] = {
    {"add-host", 0, true},      {"allow", 0, true},    {"annotation", 0, true},
    {"attest", 0, true},        {"builder", 0, true},  {"cache-from", 0, true},
    {"cache-to", 0, true},      {"check", 0, false},   {"memory", 'm', true},
    {"metadata-file", 0, true}, {"platform", 0, true}, {"provenance", 0, true},
    {"push", 0, false},         {"sbom", 0, true},     {"shm-size", 0, true},
    {"squash", 0, false},       {"ulimit", 0, true},
};
constexpr std::string_view kExamples[] = {
    "crank build -t crank-email-classifier:latest .",
    "crank build -t crank-worker-base:latest -f Dockerfile.worker-base .",
    "crank build --build-arg VERSION=3 --no-cache -t x .",
    "crank build --secret id=token,src=token.txt -t x .",
    "crank build --build-context vendor=../vendor -t x .",
};

constexpr Flag kBootstrapFlags[] = {
    {"mirror", 0, FlagKind::value, "URL", "Debian mirror (the one of this machine's apt)"},
    {"suite", 0, FlagKind::value, "NAME", "Debian release (bookworm)"},
    {"tag", 't', FlagKind::value, "NAME[:TAG]", "name of the image"},
    {"quiet", 'q', FlagKind::boolean, "", "print the image's id alone"},
    {"progress", 0, FlagKind::value, "MODE", "auto, plain, tty or quiet"},
};
constexpr std::string_view kBootstrapExamples[] = {
    "crank image bootstrap",
    "crank config set alias.python:3.11-slim localhost/crank/python:3.11-slim",
};

Result<std::map<std::string, std::string>> pairs(const Arguments& arguments, std::string_view flag,
                                                 bool from_environment) {
    std::map<std::string, std::string> all;
    std::vector<std::string> environment = sys::environment();
    for (const std::string& text : arguments.values(flag)) {
        std::string entry = text;
        if (from_environment && text.find('=') == std::string::npos) {
            entry = TRY_IN(engine::parse_env(text, environment), "--" + std::string(flag));
            // Not in the environment either: as if it had not been given.
            if (entry.find('=') == std::string::npos) continue;
        }
        auto [key, value] = TRY_IN(engine::parse_label(entry), "--" + std::string(flag));
        all[key] = value;
    }
    return all;
}

// CONTEXT -: a Dockerfile, or a tar archive that is the context. `spool` keeps that.
Result<> read_standard_input(const std::string& file, store::Store& store,
                             std::optional<store::Staging>& spool, build::BuildRequest& request) {
    spool = TRY(store.stage());
    std::string path = spool->path() + "/input";
    sys::UniqueFd fd = TRY(sys::open(path, sys::kReadWrite | sys::kCreate | sys::kTruncate, 0600));
    std::vector<std::uint8_t> buffer(std::size_t{256} << 10);
    while (std::size_t n = TRY(sys::read_some(kStdin, buffer, "standard input")))
        TRY(sys::write_all(fd.get(), {reinterpret_cast<const char*>(buffer.data()), n}, path));
    if (!TRY(store::is_tar_archive(fd.get(), "standard input"))) {
        if (!file.empty())
            return fail(Error(Code::usage,
                              "CONTEXT - with -f takes a tar archive, and standard "
                              "input holds none")
                            .with_hint("crank build - <Dockerfile"));
        request.dockerfile_text = TRY(sys::read_file(path, kMaxDockerfile));
        return {};
    }
    TRY(store::extract_tar(fd.get(), "standard input", spool->upper()));
    request.context = spool->upper();
    // As docker build has it: in the archive, whose links lead nowhere else.
    std::string name = file.empty() ? "Dockerfile" : file;
    sys::UniqueFd root = TRY(sys::open_dir(request.context));
    Result<sys::UniqueFd> dockerfile = sys::open_file_in_root(root.get(), name);
    if (!dockerfile)
        return fail(Error(dockerfile.error().code(), "there is no file " + name + " in the archive")
                        .with_hint("name it with -f"));
    request.dockerfile_text = TRY(sys::read_all(dockerfile->get(), kMaxDockerfile, name));
    return {};
}

// CONTEXT and -f, either of which may be standard input.
Result<> read_place(const Arguments& arguments, store::Store& store,
                    std::optional<store::Staging>& spool, build::BuildRequest& request) {
    const std::string& context = arguments.words()[0];
    std::string file = arguments.value("file");
    if (context == "-" && file == "-")
        return fail(Error(Code::usage, "CONTEXT and -f cannot both be standard input")
                        .with_hint("crank build - <Dockerfile"));
    if (context == "-") return read_standard_input(file, store, spool, request);
    if (file == "-") {
        request.dockerfile_text = TRY(sys::read_all(kStdin, kMaxDockerfile, "standard input"));
    } else {
        request.dockerfile = file;
    }
    if (context.starts_with("http://") || context.starts_with("https://") ||
        context.starts_with("git@"))
        return fail(Code::unsupported, "a context from the network is not supported yet");
    Result<sys::FileInfo> info = sys::stat(context);
    if (!info)
        return fail(Error(Code::not_found, "no directory " + context + " to build in")
                        .with_hint("crank build [FLAGS] DIRECTORY"));
    if (!info->is_dir())
        return fail(Error(Code::invalid_argument, "the context " + context + " is no directory")
                        .with_hint("crank build -f " + context + " ."));
    request.context = TRY(sys::real_path(context));
    // podman's name for it, where there is none of Docker's.
    std::string other = request.context + "/Containerfile";
    bool unnamed = request.dockerfile.empty() && file != "-";
    if (unnamed && !sys::exists(request.context + "/Dockerfile") && sys::exists(other))
        request.dockerfile = other;
    return {};
}

Result<build::BuildRequest> read_request(const Invocation& invocation, store::Store& store,
                                         std::optional<store::Staging>& spool) {
    const Arguments& arguments = invocation.arguments;
    build::BuildRequest request;
    TRY(read_place(arguments, store, spool, request));
    request.ignore_file = arguments.value("ignorefile");
    if (!request.ignore_file.empty() && request.context.empty())
        return fail(
            Error(Code::usage,
                  "--ignorefile with a Dockerfile from standard input: there is no context")
                .with_hint("crank build -f - --ignorefile " + request.ignore_file + " DIRECTORY"));
    request.tags = arguments.values("tag");
    request.build_args = TRY(pairs(arguments, "build-arg", true));
    request.labels = TRY(pairs(arguments, "label", false));
    request.target = arguments.value("target");
    request.no_cache = arguments.on("no-cache");
    request.no_cache_stages = read_stages(arguments.values("no-cache-filter"));
    std::map<std::string, std::string> environment = environment_map();
    TRY(read_secrets(arguments.values("secret"), environment, request));
    TRY(read_agents(arguments.values("ssh"), environment, request));
    TRY(read_contexts(arguments.values("build-context"), request));
    switch (TRY(engine::parse_network(arguments.value("network")))) {
        case engine::NetworkMode::bridge: break;
        case engine::NetworkMode::none: request.network = build::BuildRequest::Network::none; break;
        case engine::NetworkMode::host: request.network = build::BuildRequest::Network::host; break;
        case engine::NetworkMode::container:
        case engine::NetworkMode::pasta:
            return fail(Error(Code::unsupported,
                              "--network " + arguments.value("network") + " is for crank run")
                            .with_hint("--network bridge, none or host"));
    }
    return request;
}

Result<ProgressMode> progress_mode(const Arguments& arguments) {
    if (arguments.on("quiet")) return ProgressMode::quiet;
    const char* preset = std::getenv("BUILDKIT_PROGRESS");
    return parse_progress(arguments.value("progress", preset == nullptr ? "" : preset));
}

// Without a path standard output.
Result<> write_whole(const std::string& path, const std::function<Result<>(int)>& write) {
    return path.empty() ? write(kStdout) : write_output(path, 0644, write);
}

// The image leaves as an archive, under the names that were asked for, and stays only where the
// store had it before.
Result<build::BuildOutcome> build_archive(const BuildOutput& output, build::BuildRequest& request,
                                          store::Store& store) {
    auto format = output.kind == BuildOutput::Kind::oci ? exchange::ArchiveFormat::oci
                                                        : exchange::ArchiveFormat::docker;
    std::vector<std::string> tags = std::exchange(request.tags, {});
    for (const std::string& tag : tags) TRY(oci::Reference::parse(tag));
    build::BuildOutcome outcome = TRY(build::build(request, store));
    TRY(write_whole(output.dest, [&](int fd) {
        return exchange::save_as(store, outcome.id.str(), tags, format, fd);
    }));
    if (!outcome.known) TRY(store.remove(outcome.id.str()));
    return outcome;
}

Result<build::BuildOutcome> build_for(const BuildOutput& output, build::BuildRequest& request,
                                      store::Store& store) {
    using Kind = BuildOutput::Kind;
    using Export = build::BuildRequest::Export;
    request.tags.insert(request.tags.end(), output.names.begin(), output.names.end());
    if (output.dest.empty() && output.kind != Kind::store && output.kind != Kind::directory &&
        sys::is_terminal(kStdout))
        return fail(Error(Code::usage, "an archive is not for a terminal")
                        .with_hint("crank build --output type=tar,dest=FILE ."));
    switch (output.kind) {
        case Kind::store: break;
        case Kind::directory:
            request.files_to = Export{Export::Kind::directory, output.dest, -1};
            break;
        case Kind::tar: {
            Result<build::BuildOutcome> outcome = build::BuildOutcome();
            TRY(write_whole(output.dest, [&](int fd) -> Result<> {
                request.files_to = Export{Export::Kind::tar, "", fd};
                outcome = TRY(build::build(request, store));
                return {};
            }));
            return outcome;
        }
        case Kind::oci:
        case Kind::docker: return build_archive(output, request, store);
    }
    return build::build(request, store);
}

// Docker's --pull, true or false, and podman's words.
Result<PullPolicy> read_pull(const Arguments& arguments) {
    std::string text = arguments.value("pull", "false");
    if (text == "true") return PullPolicy::always;
    if (text == "false") return PullPolicy::missing;
    return parse_pull_policy(text);
}

void apply_pull(PullPolicy policy, store::Store& store, build::BuildRequest& request) {
    request.pull = policy == PullPolicy::always || policy == PullPolicy::newer;
    if (policy == PullPolicy::never) request.fetch_image = nullptr;
    if (policy != PullPolicy::newer) return;
    request.fetch_image = [&store, fetch = request.fetch_image](const std::string& name) {
        bool here = store.find(name).has_value();
        return or_what_is_here(fetch(name), name, here);
    };
}

Result<int> perform_build(Invocation& invocation) {
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    ProgressMode mode = TRY(progress_mode(invocation.arguments));
    BuildOutput output = TRY(read_output(invocation.arguments.values("output")));
    std::optional store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    std::optional<store::Staging> spool;
    build::BuildRequest request = TRY(read_request(invocation, *store, spool));
    std::optional<engine::Kept> kept;
    TRY(complete_build(invocation.paths, config, kept, request));
    if (invocation.arguments.on("explain")) {
        print(TRY(build::explain(request, *store)).describe());
        return 0;
    }
    PullPolicy policy = TRY(read_pull(invocation.arguments));
    sys::SignalQueue signals = TRY(sys::SignalQueue::open({SIGINT, SIGTERM, SIGHUP}));
    attend_build(mode, signals.fd(), *store, request);
    apply_pull(policy, *store, request);
    build::BuildOutcome outcome = TRY(build_for(output, request, *store));
    if (std::string file = invocation.arguments.value("iidfile"); !file.empty())
        TRY_IN(write_output(file, 0644, outcome.id.str()), "--iidfile");
    if (invocation.arguments.on("quiet")) print_line(outcome.id.str());
    engine::note_image(invocation.paths, outcome.id.str(), "build",
                       invocation.arguments.value("tag"));
    spool.reset();
    store.reset();
    TRY(keep_storage_limit(invocation.paths));
    return 0;
}

Result<int> perform_bootstrap(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    build::BootstrapRequest request;
    request.mirror = arguments.value("mirror");
    request.suite = arguments.value("suite", request.suite);
    request.reference = arguments.value("tag", request.reference);
    request.source_date_epoch = TRY(source_date_epoch());
    request.environment = environment_map();
    request.state_dir = invocation.paths.state;
    request.host = TRY(runtime::probe_host());
    request.progress = make_progress(TRY(progress_mode(arguments)));
    std::optional store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    sys::SignalQueue signals = TRY(sys::SignalQueue::open({SIGINT, SIGTERM, SIGHUP}));
    request.cancel_fd = signals.fd();
    build::BootstrapOutcome outcome = TRY(build::bootstrap(request, *store));
    if (!arguments.on("quiet"))
        note(outcome.reference + (outcome.unchanged ? " is up to date: " : " made: ") +
             std::to_string(outcome.packages) + " packages from " + outcome.mirror);
    print_line(outcome.id.str());
    store.reset();
    TRY(keep_storage_limit(invocation.paths));
    return 0;
}

}  // namespace

constinit const Verb kBuild = {
    .name = "build",
    .summary = "make an image from a Dockerfile",
    .group = Group::images,
    .syntax = {.flags = kFlags,
               .missing = kMissing,
               .min_words = 1,
               .max_words = 1,
               .arguments = "CONTEXT"},
    .examples = kExamples,
    .rights = Rights::required,
    .perform = perform_build,
};
constinit const Verb kImageBootstrap = {
    .name = "image bootstrap",
    .summary = "make a Debian image with Python, without a registry",
    .group = Group::images,
    .syntax = {.flags = kBootstrapFlags},
    .examples = kBootstrapExamples,
    .rights = Rights::required,
    .perform = perform_bootstrap,
};

}  // namespace crank::cli
