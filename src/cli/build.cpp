#include "build/build.h"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "cli/archive_output.h"
#include "cli/build_context.h"
#include "cli/build_flags.h"
#include "cli/build_image.h"
#include "cli/content_trust.h"
#include "cli/fetch.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/progress.h"
#include "cli/push.h"
#include "cli/run_flags.h"
#include "cli/storage_limit.h"
#include "cli/verbs.h"
#include "engine/config.h"
#include "engine/events.h"
#include "engine/names.h"
#include "engine/options.h"
#include "exchange/archive.h"
#include "oci/reference.h"
#include "runtime/host.h"
#include "sys/signals.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

constexpr int kStdout = 1;

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
    {"build-context", 0, FlagKind::list, "NAME=DIR|URL|docker-image://IMAGE|oci-layout://DIR",
     "what FROM NAME and --from=NAME mean"},
    {"output", 'o', FlagKind::list, "type=TYPE[,dest=PATH]",
     "local: the files, into a directory; tar: the files; oci, docker: the image as an archive; "
     "image: to the store (the default); registry: there too"},
    {"push", 0, FlagKind::boolean, "", "also send it to the registries of its names"},
    {"iidfile", 0, FlagKind::value, "FILE", "write the image's id to this file"},
    {"metadata-file", 0, FlagKind::value, "FILE", "write ids and names to this file, as JSON"},
    {"load", 0, FlagKind::boolean, "", "changes nothing: images always go to the store"},
    {"network", 0, FlagKind::value, "MODE", "network of RUN steps: bridge (default), none or host"},
    {"add-host", 0, FlagKind::list, "NAME:IP",
     "a line more in the steps' /etc/hosts (IP: also host-gateway)"},
    {"ulimit", 0, FlagKind::list, "NAME=SOFT[:HARD]", "a limit of the steps' processes"},
    {"shm-size", 0, FlagKind::value, "SIZE", "size of the steps' /dev/shm (64m)"},
    {"memory", 'm', FlagKind::value, "SIZE", "memory that a step may use"},
    {"memory-swap", 0, FlagKind::value, "SIZE", "memory and swap that a step may use (-1: any)"},
    {"cpu-shares", 'c', FlagKind::value, "NUMBER", "a step's part of busy CPUs (1024)"},
    {"cpu-quota", 0, FlagKind::value, "MICROSECONDS", "of CPU time in each --cpu-period"},
    {"cpu-period", 0, FlagKind::value, "MICROSECONDS", "that --cpu-quota is of (100000)"},
    {"cpuset-cpus", 0, FlagKind::value, "LIST", "CPUs that the steps run on: 0-3,7"},
    {"cpuset-mems", 0, FlagKind::value, "LIST", "NUMA nodes that they have memory of"},
    {"platform", 0, FlagKind::value, "OS/ARCH", "what the image is for: this machine's alone"},
    {"pull", 0, FlagKind::optional, "always|missing|never|newer",
     "whether to get the base images from their registries again (missing; --pull alone: always)"},
    {"quiet", 'q', FlagKind::boolean, "", "print the image's id alone"},
    {"progress", 0, FlagKind::value, "MODE", "auto, plain, tty or quiet"},
    {"explain", 0, FlagKind::boolean, "", "print what would be done, and do nothing"},
    {"check", 0, FlagKind::boolean, "", "say what is odd about the Dockerfile, and do nothing"},
    {"call", 0, FlagKind::value, "build|check", "check: --check"},
    {"rm", 0, FlagKind::boolean, "", "changes nothing: steps leave no containers"},
    {"force-rm", 0, FlagKind::boolean, "", "changes nothing: steps leave no containers"},
    {"compress", 0, FlagKind::boolean, "", "changes nothing: the context is sent nowhere"},
};
constexpr std::string_view kCache =
    "finished steps are kept in this machine's store; crank save and crank load move images";
constexpr std::string_view kAttestations = "leave it out: crank makes no attestations of a build";
constexpr std::string_view kOneBuilder = "leave it out: crank builds by itself, without a daemon";
constexpr MissingFlag kMissing[] = {
    {"allow", 0, true, "--network host; RUN --security=insecure is not served"},
    {"annotation", 0, true, "--label NAME=VALUE"},
    {"attest", 0, true, kAttestations},
    {"builder", 0, true, kOneBuilder},
    {"cache-from", 0, true, kCache},
    {"cache-to", 0, true, kCache},
    {"cgroup-parent", 0, true, "--memory, --cpu-quota and --cpuset-cpus limit steps"},
    {"debug", 0, false, "-D says where in the source an error comes from"},
    {"disable-content-trust", 0, false, kNoContentTrust},
    {"isolation", 0, true, "it is for Windows: leave it out"},
    {"policy", 0, true, "crank image verify NAME checks signatures"},
    {"provenance", 0, true, kAttestations},
    {"proxy-network", 0, false, "--network none, or RUN --network=none for a step"},
    {"resource", 0, true, "--memory, --cpu-quota and --cpuset-cpus limit steps"},
    {"sbom", 0, true, kAttestations},
    {"security-opt", 0, true, "leave it out: steps have crank's own filter of system calls"},
    {"squash", 0, false, "COPY --from=STAGE / / in a last stage FROM scratch"},
};
constexpr std::string_view kExamples[] = {
    "crank build -t crank-email-classifier:latest .",
    "crank build -t crank-worker-base:latest -f Dockerfile.worker-base .",
    "crank build --build-arg VERSION=3 --no-cache -t x .",
    "crank build --secret id=token,src=token.txt -t x .",
    "crank build --build-context vendor=../vendor -t x .",
    "crank build -t x https://git.example/team/worker.git#main:docker",
    "crank build --check .",
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

Result<build::BuildRequest> read_request(const Invocation& invocation, store::Store& store,
                                         int cancel_fd, Brought& brought) {
    const Arguments& arguments = invocation.arguments;
    TRY(check_platform(arguments));
    build::BuildRequest request;
    request.build_args = TRY(pairs(arguments, "build-arg", true));
    TRY(read_steps(arguments, request.steps));
    ContextReader reader(store, cancel_fd, brought, request);
    TRY(reader.read_place(arguments.words()[0], arguments.value("file")));
    request.ignore_file = arguments.value("ignorefile");
    if (!request.ignore_file.empty() && request.context.empty())
        return fail(
            Error(Code::usage,
                  "--ignorefile with a Dockerfile from standard input: there is no context")
                .with_hint("crank build -f - --ignorefile " + request.ignore_file + " DIRECTORY"));
    request.tags = arguments.values("tag");
    request.labels = TRY(pairs(arguments, "label", false));
    request.target = arguments.value("target");
    request.no_cache = arguments.on("no-cache");
    request.no_cache_stages = read_stages(arguments.values("no-cache-filter"));
    std::map<std::string, std::string> environment = environment_map();
    TRY(read_secrets(arguments.values("secret"), environment, request));
    TRY(read_agents(arguments.values("ssh"), environment, request));
    TRY(reader.read_contexts(arguments.values("build-context")));
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
    if (output.dest.empty() && output.kind != Kind::store && output.kind != Kind::directory)
        TRY(refuse_terminal("crank build --output type=tar,dest=FILE ."));
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

// Of what `--call` may be; an outline is BuildKit's own picture of a file.
Result<bool> wants_check(const Arguments& arguments) {
    std::string call = arguments.value("call", "build");
    if (call == "build" || call == "check") return arguments.on("check") || call == "check";
    return fail(Error(Code::unsupported, "--call " + call + ": crank has build and check")
                    .with_hint("crank build --explain shows the stages and steps of a build"));
}

int print_checked(const build::Checked& checked) {
    for (const dockerfile::Warning& finding : checked.findings) {
        std::string name(finding.rule);
        print_line(finding.message() + (name.empty() ? "" : " (" + name + ")"));
        if (finding.span.line == 0) continue;
        std::string number = std::to_string(finding.span.line);
        number.insert(0, number.size() < 5 ? 5 - number.size() : 0, ' ');
        print_line(number + " | " + std::string(checked.file.line(finding.span.line)));
    }
    for (const std::string& text : checked.notes) note(text);
    std::size_t count = checked.findings.size();
    note(count == 0 ? "nothing odd was found"
                    : std::to_string(count) + (count == 1 ? " thing" : " things") + " found");
    return count == 0 ? 0 : 1;
}

// What was asked for and cannot come to be is said before anything is built.
Result<std::vector<oci::Reference>> read_push(const Arguments& arguments,
                                              const engine::Config& config, BuildOutput& output) {
    output.push = output.push || arguments.on("push");
    std::vector<oci::Reference> names;
    if (!output.push) return names;
    if (output.kind != BuildOutput::Kind::store)
        return fail(Error(Code::usage, "--push with --output " + arguments.value("output") +
                                           ": it leads elsewhere")
                        .with_hint("leave out one of the two"));
    std::vector<std::string> tags = arguments.values("tag");
    tags.insert(tags.end(), output.names.begin(), output.names.end());
    if (tags.empty())
        return fail(Error(Code::usage, "--push without a name: which registry is meant?")
                        .with_hint("crank build --push -t REGISTRY/NAME:TAG ."));
    for (const std::string& tag : tags) {
        names.push_back(TRY(oci::Reference::parse(tag)));
        TRY(check_pushable(config, tag, names.back()));
    }
    return names;
}

// In BuildKit's words: what else there is, is of its own making.
Result<> write_metadata(const std::string& file, const build::BuildOutcome& outcome,
                        const std::optional<transfer::Pushed>& pushed, bool image) {
    if (file.empty()) return {};
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    if (image) {
        json["containerimage.config.digest"] = outcome.id.str();
        json["containerimage.digest"] = pushed ? pushed->digest.str() : outcome.id.str();
        if (!outcome.tags.empty()) json["image.name"] = join(outcome.tags, ",");
    }
    TRY_IN(write_output(file, 0644, json.dump(2) + "\n"), "--metadata-file");
    return {};
}

// Where a build's results go besides.
Result<> finish_build(const Invocation& invocation, const BuildOutput& output,
                      const std::vector<oci::Reference>& to, store::Store& store,
                      const build::BuildOutcome& outcome) {
    const Arguments& arguments = invocation.arguments;
    if (std::string file = arguments.value("iidfile"); !file.empty())
        TRY_IN(write_output(file, 0644, outcome.id.str()), "--iidfile");
    engine::note_image(invocation.paths, outcome.id.str(), "build", arguments.value("tag"));
    std::optional<transfer::Pushed> pushed;
    for (const oci::Reference& name : to)
        pushed = TRY(push_image(invocation.paths, store, name, {{}, true, arguments.on("quiet")}));
    bool image =
        output.kind != BuildOutput::Kind::directory && output.kind != BuildOutput::Kind::tar;
    TRY(write_metadata(arguments.value("metadata-file"), outcome, pushed, image));
    if (arguments.on("quiet")) print_line(outcome.id.str());
    return {};
}

Result<int> perform_build(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    ProgressMode mode = TRY(read_progress(arguments));
    BuildOutput output = TRY(read_output(arguments.values("output")));
    std::vector<oci::Reference> to = TRY(read_push(arguments, config, output));
    bool check = TRY(wants_check(arguments));
    std::optional store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    sys::SignalQueue signals = TRY(sys::SignalQueue::open({SIGINT, SIGTERM, SIGHUP}));
    Brought brought;
    build::BuildRequest request = TRY(read_request(invocation, *store, signals.fd(), brought));
    std::optional<engine::Kept> kept;
    TRY(complete_build(invocation.paths, config, kept, request));
    if (check) return print_checked(TRY(build::check(request, *store)));
    if (arguments.on("explain")) {
        print(TRY(build::explain(request, *store)).describe());
        return 0;
    }
    PullPolicy policy = TRY(read_pull(arguments));
    attend_build(mode, signals.fd(), *store, request);
    apply_pull(policy, *store, request);
    build::BuildOutcome outcome = TRY(build_for(output, request, *store));
    TRY(finish_build(invocation, output, to, *store, outcome));
    brought = {};
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
               .arguments = "CONTEXT|URL|-"},
    .examples = kExamples,
    .rights = Rights::required,
    .perform = perform_build,
};
}  // namespace crank::cli
