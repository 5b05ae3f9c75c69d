#include "cli/run_flags.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/units.h"
#include "cli/verbs.h"
#include "engine/env_file.h"
#include "engine/gpu/request.h"
#include "network/network.h"
#include "oci/cdi.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

using engine::RunOptions;

constexpr Flag kFlags[] = {
    {"detach", 'd', FlagKind::boolean, "", "run in the background and print the id"},
    {"interactive", 'i', FlagKind::boolean, "", "keep standard input open"},
    {"tty", 't', FlagKind::boolean, "", "give it a terminal"},
    {"rm", 0, FlagKind::boolean, "", "remove the container once it has ended"},
    {"name", 0, FlagKind::value, "NAME", "name of the container"},
    {"env", 'e', FlagKind::list, "NAME[=VALUE]", "set a variable; NAME alone passes on your own"},
    {"env-file", 0, FlagKind::list, "FILE", "variables from a file: NAME=value, a line each"},
    {"publish", 'p', FlagKind::list, "[IP:][HOST:]PORT",
     "make a port of the container reachable from this machine"},
    {"volume", 'v', FlagKind::list, "HOST:PATH[:ro,noidmap]",
     "mount a directory or file of this machine"},
    {"workdir", 'w', FlagKind::value, "DIR", "working directory in the container"},
    {"user", 'u', FlagKind::value, "USER[:GROUP]", "user to run as, by name or number"},
    {"entrypoint", 0, FlagKind::value, "PROGRAM", "run this instead of the image's entrypoint"},
    {"network", 0, FlagKind::value, "MODE", "bridge (default), none or host"},
    {"net", 0, FlagKind::value, "MODE", "", "network"},
    {"cpus", 0, FlagKind::value, "NUMBER", "use at most so many CPUs: 0.5, 2"},
    {"memory", 'm', FlagKind::value, "SIZE", "use at most so much memory: 512m, 4g"},
    {"shm-size", 0, FlagKind::value, "SIZE", "size of /dev/shm (half of --memory, 64m without)"},
    {"pids-limit", 0, FlagKind::value, "NUMBER",
     "at most so many processes (2048; -1: any number)"},
    {"limits", 0, FlagKind::value, "strict|best-effort",
     "whether a limit that this machine cannot apply is an error or a warning"},
    {"gpus", 0, FlagKind::value, "all|NUMBER|device=ID", "pass GPUs on: all, 2, device=0"},
    {"device", 0, FlagKind::list, "PATH[:PATH][:rwm]|VENDOR/CLASS=NAME",
     "pass a device on: /dev/fuse, or nvidia.com/gpu=0 as a CDI file names it"},
    {"read-only", 0, FlagKind::boolean, "", "the image's files cannot be changed"},
    {"sandbox", 0, FlagKind::value, "default|strict",
     "strict: no capabilities, read-only files but for /tmp and volumes, fewer system calls"},
    {"userns", 0, FlagKind::value, "host|auto[:size=N]",
     "auto: ids of its own, so that root in it is nobody on this machine (strict has them)"},
    {"tmpfs", 0, FlagKind::list, "PATH[:OPTIONS]", "an empty file system in memory: /tmp:size=64m"},
    {"init", 0, FlagKind::boolean, "",
     "an init as first process: reaps and forwards signals (the default; --init=false: none)"},
    {"hostname", 'h', FlagKind::value, "NAME", "host name in the container"},
    {"label", 'l', FlagKind::list, "NAME[=VALUE]", "a label for your own use"},
    {"restart", 0, FlagKind::value, "POLICY",
     "start it again when it ends: on-failure[:N], always, unless-stopped (no)"},
    {"stop-signal", 0, FlagKind::value, "SIGNAL", "what `crank stop` sends first"},
    {"stop-timeout", 0, FlagKind::value, "SECONDS",
     "how long `crank stop` waits before it kills (10)"},
    {"pull", 0, FlagKind::value, "missing|always|never",
     "when to get the image from its registry (missing)"},
    {"native", 0, FlagKind::boolean, "",
     "run COMMAND as a plain process of this machine: no image, no container"},
    {"explain", 0, FlagKind::boolean, "", "print what would be done, and do nothing"},
    {"timings", 0, FlagKind::boolean, "", "print when each phase of the start ended"},
};

constexpr std::string_view kExamples[] = {
    "crank run --rm crank-worker-base:latest python -V",
    "crank run -d --name mail -p 8501:8501 crank-email-classifier:latest",
    "crank run -v ~/.crank/certs:/home/worker/.crank/certs:ro crank-email-classifier:latest",
    "crank run --cpus=2 --memory=4g crank-email-classifier:latest",
    "crank run --native -- python services/crank_image_classifier_gpu.py",
};

constexpr MissingFlag kMissing[] = {
    {"add-host", 0, true},
    {"annotation", 0, true},
    {"attach", 'a', true},
    {"blkio-weight", 0, true},
    {"cap-add", 0, true},
    {"cap-drop", 0, true},
    {"cgroup-parent", 0, true},
    {"cgroupns", 0, true},
    {"cidfile", 0, true},
    {"cpu-period", 0, true},
    {"cpu-quota", 0, true},
    {"cpu-shares", 'c', true},
    {"cpuset-cpus", 0, true},
    {"cpuset-mems", 0, true},
    {"detach-keys", 0, true},
    {"device-cgroup-rule", 0, true},
    {"dns", 0, true},
    {"dns-option", 0, true},
    {"dns-search", 0, true},
    {"domainname", 0, true},
    {"expose", 0, true},
    {"group-add", 0, true},
    {"health-cmd", 0, true},
    {"health-interval", 0, true},
    {"health-retries", 0, true},
    {"health-start-interval", 0, true},
    {"health-start-period", 0, true},
    {"health-timeout", 0, true},
    {"ip", 0, true},
    {"ip6", 0, true},
    {"ipc", 0, true},
    {"isolation", 0, true},
    {"label-file", 0, true},
    {"link", 0, true},
    {"log-driver", 0, true},
    {"log-opt", 0, true},
    {"mac-address", 0, true},
    {"memory-reservation", 0, true},
    {"memory-swap", 0, true},
    {"memory-swappiness", 0, true},
    {"mount", 0, true},
    {"network-alias", 0, true},
    {"no-healthcheck", 0, false},
    {"oom-kill-disable", 0, false},
    {"oom-score-adj", 0, true},
    {"pid", 0, true},
    {"platform", 0, true},
    {"privileged", 0, false},
    {"publish-all", 'P', false},
    {"quiet", 'q', false},
    {"runtime", 0, true},
    {"security-opt", 0, true},
    {"sig-proxy", 0, false},
    {"storage-opt", 0, true},
    {"sysctl", 0, true},
    {"ulimit", 0, true},
    {"uts", 0, true},
    {"volume-driver", 0, true},
    {"volumes-from", 0, true},
};

Result<> read_limits(const Arguments& arguments, RunOptions& options) {
    if (auto text = arguments.find("cpus")) options.nano_cpus = TRY_IN(parse_cpus(*text), "--cpus");
    if (auto text = arguments.find("memory"))
        options.memory = TRY_IN(parse_size(*text), "--memory");
    if (auto text = arguments.find("shm-size")) {
        options.shm_size = TRY_IN(parse_size(*text), "--shm-size");
        if (*options.shm_size == 0)
            return fail(Error(Code::invalid_argument, "--shm-size=0: nothing would fit into it")
                            .with_hint("leave it out: half of --memory, 64m without"));
    }
    if (auto text = arguments.find("pids-limit")) {
        options.pids_limit = parse_int(*text);
        if (!options.pids_limit)
            return fail(Code::invalid_argument, "--pids-limit: invalid number \"" + *text + "\"");
    }
    std::string limits = arguments.value("limits", "strict");
    if (limits != "strict" && limits != "best-effort")
        return fail(Code::invalid_argument, "--limits=\"" + limits + "\": strict or best-effort");
    options.limits = limits == "strict" ? engine::Limits::strict : engine::Limits::best_effort;
    return {};
}

Result<> read_lists(const Arguments& arguments, RunOptions& options) {
    std::vector<std::string> environment = sys::environment();
    // -e stands above every file, as with Docker.
    for (const std::string& path : arguments.values("env-file"))
        for (std::string& entry : TRY_IN(engine::read_env_file(path, environment), "--env-file"))
            options.env.push_back(std::move(entry));
    for (const std::string& text : arguments.values("env"))
        options.env.push_back(TRY(engine::parse_env(text, environment)));
    for (const std::string& text : arguments.values("label"))
        options.labels.insert_or_assign(TRY(engine::parse_label(text)).first,
                                        TRY(engine::parse_label(text)).second);
    for (const std::string& text : arguments.values("publish"))
        for (network::PortSpec& port : TRY_IN(network::parse_port(text), "--publish"))
            options.ports.push_back(std::move(port));
    std::vector<std::string> volumes = arguments.values("volume");
    std::string here = volumes.empty() ? "" : TRY(sys::current_dir());
    for (const std::string& text : volumes)
        options.binds.push_back(TRY(engine::parse_volume(text, here)));
    for (const std::string& text : arguments.values("tmpfs"))
        options.tmpfs.push_back(TRY(engine::parse_tmpfs(text)));
    return {};
}

Result<> read_stop(const Arguments& arguments, RunOptions& options) {
    options.stop_signal = arguments.find("stop-signal");
    if (auto text = arguments.find("stop-timeout")) {
        auto seconds = parse_int(*text);
        if (!seconds || *seconds < -1 || *seconds > 1'000'000)
            return fail(Code::invalid_argument,
                        "--stop-timeout: invalid number of seconds \"" + *text + "\"");
        options.stop_timeout = static_cast<int>(*seconds);
    }
    return {};
}

// Two mounts on one place: which one is meant?
Result<> check_destinations(const RunOptions& options) {
    std::vector<std::string> seen;
    for (const auto& mount : options.binds) seen.push_back(mount.destination);
    for (const auto& mount : options.tmpfs) seen.push_back(mount.destination);
    std::sort(seen.begin(), seen.end());
    auto twice = std::adjacent_find(seen.begin(), seen.end());
    if (twice == seen.end()) return {};
    return fail(Code::invalid_argument, "duplicate mount point: " + *twice);
}

Result<> check_device(const std::string& typed) {
    if (typed.starts_with('/'))
        TRY(engine::gpu::parse_device(typed));
    else
        TRY_IN(oci::cdi::require_name(typed), "--device");
    return {};
}

// Those of `run` but for what happens at the start alone.
constexpr bool is_creates(const Flag& flag) {
    return flag.name != "detach" && flag.name != "explain" && flag.name != "timings";
}
constexpr auto kCreateFlags = [] {
    std::array<Flag, static_cast<std::size_t>(std::ranges::count_if(kFlags, is_creates))> flags;
    std::ranges::copy_if(kFlags, flags.begin(), is_creates);
    return flags;
}();
constexpr std::string_view kCreateExamples[] = {
    "crank create --name mail -p 8501:8501 crank-email-classifier:latest",
    "crank start mail",
};

}  // namespace

constinit const Verb kCreate = {
    .name = "create",
    .summary = "make a container without starting it, and print its id",
    .group = Group::containers,
    .syntax = {.flags = kCreateFlags,
               .missing = kMissing,
               .min_words = 1,
               .max_words = kAnyWords,
               .first_word_ends_flags = true,
               .arguments = "IMAGE [COMMAND] [ARG...]"},
    .examples = kCreateExamples,
    .engine_failure = 125,
    .rights = Rights::required,
    .perform = perform_create,
};
constinit const Verb kRun = {
    .name = "run",
    .summary = "start a worker in a new container",
    .group = Group::containers,
    .syntax = {.flags = kFlags,
               .missing = kMissing,
               .min_words = 1,
               .max_words = kAnyWords,
               .first_word_ends_flags = true,
               .arguments = "IMAGE [COMMAND] [ARG...]"},
    .examples = kExamples,
    .engine_failure = 125,
    .rights = Rights::required,
    .perform = perform_run,
};

Result<RunOptions> read_run_options(const Arguments& arguments) {
    RunOptions options;
    options.command = arguments.words();
    if (!arguments.on("native") && !options.command.empty()) {
        options.image = options.command.front();
        options.command.erase(options.command.begin());
    }
    options.entrypoint = arguments.find("entrypoint");
    options.name = arguments.value("name");
    if (arguments.has("name")) TRY(engine::check_name(options.name));
    options.hostname = arguments.value("hostname");
    if (arguments.has("hostname")) TRY(engine::check_hostname(options.hostname));
    options.user = arguments.value("user");
    options.working_dir = arguments.value("workdir");
    options.network = TRY(engine::parse_network(arguments.value("network")));
    TRY(read_lists(arguments, options));
    TRY(read_limits(arguments, options));
    TRY(read_stop(arguments, options));
    TRY(check_destinations(options));
    options.gpus = arguments.value("gpus");
    if (arguments.has("gpus")) TRY(engine::gpu::parse_gpus(options.gpus));
    options.devices = arguments.values("device");
    for (const std::string& device : options.devices) TRY(check_device(device));
    options.interactive = arguments.on("interactive");
    options.terminal = arguments.on("tty");
    options.remove = arguments.on("rm");
    options.restart = TRY(engine::parse_restart_policy(arguments.value("restart", "no")));
    if (options.remove && options.restart.kind != engine::RestartPolicy::Kind::no)
        return fail(Code::invalid_argument,
                    "conflicting options: cannot specify both --restart and --rm");
    options.init = arguments.find_switch("init").value_or(true);
    options.read_only = arguments.on("read-only");
    if (auto text = arguments.find("userns"))
        options.userns = TRY(engine::ids::parse_userns(*text));
    options.sandbox = TRY(engine::parse_sandbox(arguments.value("sandbox")));
    return options;
}

}  // namespace crank::cli
