#include "cli/run_flags.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/units.h"
#include "cli/content_trust.h"
#include "cli/verbs.h"
#include "dockerfile/words.h"
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
    {"attach", 'a', FlagKind::list, "stdin|stdout|stderr",
     "show only these; of stdin alone the id is printed"},
    {"detach-keys", 0, FlagKind::value, "KEYS", "\"\" alone: it is not left by any"},
    {"sig-proxy", 0, FlagKind::boolean, "",
     "pass signals on to the worker (on; --sig-proxy=false: they end crank alone)"},
    {"quiet", 'q', FlagKind::boolean, "", "a pull shows no progress"},
    {"replace", 0, FlagKind::boolean, "", "first remove the container that has the name"},
    {"rm", 0, FlagKind::boolean, "", "remove the container once it has ended"},
    {"name", 0, FlagKind::value, "NAME", "name of the container"},
    {"env", 'e', FlagKind::list, "NAME[=VALUE]",
     "set a variable; NAME alone passes on your own, NAME* all that begin so"},
    {"env-file", 0, FlagKind::list, "FILE", "variables from a file: NAME=value, a line each"},
    {"env-host", 0, FlagKind::boolean, "", "your own variables, below those of the flags"},
    {"unsetenv", 0, FlagKind::list, "NAME", "without this variable"},
    {"unsetenv-all", 0, FlagKind::boolean, "", "without the image's variables and crank's"},
    {"publish", 'p', FlagKind::list, "[IP:][HOST:]PORT",
     "make a port of the container reachable from this machine"},
    {"volume", 'v', FlagKind::list, "[HOST|NAME:]PATH[:ro,noexec,nocopy,noidmap]",
     "mount a directory or file of this machine, or a volume"},
    {"mount", 0, FlagKind::list, "type=TYPE,src=SOURCE,dst=PATH[,KEY=VALUE]",
     "the same in Docker's other way; TYPE is bind, volume or tmpfs"},
    {"volumes-from", 0, FlagKind::list, "CONTAINER[:ro]", "mount what that container has mounted"},
    {"workdir", 'w', FlagKind::value, "DIR", "working directory in the container"},
    {"user", 'u', FlagKind::value, "USER[:GROUP]", "user to run as, by name or number"},
    {"entrypoint", 0, FlagKind::value, "PROGRAM|[\"PROGRAM\",\"ARG\"]",
     "run this instead of the image's entrypoint"},
    {"network", 0, FlagKind::list, "NETWORK",
     "a network: bridge (default), one of `crank network create`; none, host, container:NAME, "
     "pasta[:OPTIONS]"},
    {"network-alias", 0, FlagKind::list, "NAME", "another name of it for who is on its network"},
    {"ip", 0, FlagKind::value, "ADDRESS", "its address on the network"},
    {"ip6", 0, FlagKind::value, "ADDRESS", "its IPv6 address on the network"},
    {"pid", 0, FlagKind::value, "host|container:NAME", "whose processes it sees, if not its own"},
    {"ipc", 0, FlagKind::value, "host|private|none|container:NAME",
     "whose shared memory it has: host: the machine's; none: no /dev/shm"},
    {"uts", 0, FlagKind::value, "host", "the machine's host name"},
    {"cgroupns", 0, FlagKind::value, "host|private", "host: it sees the machine's cgroups"},
    {"umask", 0, FlagKind::value, "OCTAL", "of its processes (0022)"},
    {"tz", 0, FlagKind::value, "ZONE|local", "its time zone: Europe/Berlin; local: this machine's"},
    {"net", 0, FlagKind::list, "NETWORK", "", "network"},
    {"net-alias", 0, FlagKind::list, "NAME", "", "network-alias"},
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
    {"device-cgroup-rule", 0, FlagKind::list, "\"TYPE MAJOR:MINOR ACCESS\"",
     "allow devices that the container makes itself: \"c 189:* rmw\""},
    {"read-only", 0, FlagKind::boolean, "", "the image's files cannot be changed"},
    {"sandbox", 0, FlagKind::value, "default|strict",
     "strict: no capabilities, read-only files but for /tmp and volumes, fewer system calls"},
    {"userns", 0, FlagKind::value, "host|auto[:size=N]",
     "auto: ids of its own, so that root in it is nobody on this machine (strict has them)"},
    {"uidmap", 0, FlagKind::list, "0:HOST:SIZE",
     "ids of its own that you name: its users from 0 on are these of this machine"},
    {"gidmap", 0, FlagKind::list, "0:HOST:SIZE", "and its groups these (those of --uidmap)"},
    {"tmpfs", 0, FlagKind::list, "PATH[:OPTIONS]", "an empty file system in memory: /tmp:size=64m"},
    {"init", 0, FlagKind::boolean, "",
     "an init as first process: reaps and forwards signals (the default; --init=false: none)"},
    {"hostname", 'h', FlagKind::value, "NAME", "host name in the container"},
    {"label", 'l', FlagKind::list, "NAME[=VALUE]", "a label for your own use"},
    {"cap-add", 0, FlagKind::list, "NAME|ALL", "a capability more for root in it: NET_ADMIN"},
    {"cap-drop", 0, FlagKind::list, "NAME|ALL", "a capability less: NET_RAW, ALL"},
    {"privileged", 0, FlagKind::boolean, "",
     "every capability and device, no filter, nothing masked: root of this machine"},
    {"security-opt", 0, FlagKind::list, "NAME[=VALUE]",
     "seccomp=FILE|unconfined, no-new-privileges[=false], systempaths=unconfined"},
    {"group-add", 0, FlagKind::list, "GROUP", "a group more for the user, by name or number"},
    {"ulimit", 0, FlagKind::list, "NAME=SOFT[:HARD]", "a limit of each process: nofile=4096:8192"},
    {"sysctl", 0, FlagKind::list, "NAME=VALUE",
     "a kernel setting of the container's own: net.core.somaxconn=1024"},
    {"oom-score-adj", 0, FlagKind::value, "NUMBER",
     "which process the kernel kills first when memory runs out: -1000 to 1000"},
    {"no-hosts", 0, FlagKind::boolean, "", "the image's /etc/hosts stays"},
    {"no-hostname", 0, FlagKind::boolean, "", "the image's /etc/hostname stays"},
    {"add-host", 0, FlagKind::list, "NAME:IP", "a line more in /etc/hosts (IP: also host-gateway)"},
    {"dns", 0, FlagKind::list, "IP", "a name server instead of this machine's"},
    {"dns-search", 0, FlagKind::list, "DOMAIN", "a domain to look names up in (.: none)"},
    {"dns-option", 0, FlagKind::list, "OPTION", "an option of the resolver: ndots:2"},
    {"dns-opt", 0, FlagKind::list, "OPTION", "", "dns-option"},
    {"domainname", 0, FlagKind::value, "NAME", "NIS domain name in the container"},
    {"memory-swap", 0, FlagKind::value, "SIZE",
     "at most so much memory and swap together (twice --memory; -1: any swap)"},
    {"memory-reservation", 0, FlagKind::value, "SIZE",
     "memory to be left to it when there is little"},
    {"cpu-shares", 'c', FlagKind::value, "NUMBER", "its part of busy CPUs beside others' (1024)"},
    {"cpuset-cpus", 0, FlagKind::value, "LIST", "run on these CPUs alone: 0-3,7"},
    {"cpuset-mems", 0, FlagKind::value, "LIST", "memory of these NUMA nodes alone"},
    {"expose", 0, FlagKind::list, "PORT[/PROTOCOL]", "a port that --publish-all publishes"},
    {"publish-all", 'P', FlagKind::boolean, "", "publish every exposed port on a free one here"},
    {"log-driver", 0, FlagKind::value, "json-file|local|k8s-file|none",
     "none: its output is not kept; the others mean crank's own log"},
    {"log-opt", 0, FlagKind::list, "NAME=VALUE",
     "of the kept output: max-size=10m (of a file), max-file=5"},
    {"label-file", 0, FlagKind::list, "FILE", "labels from a file: NAME=value, a line each"},
    {"annotation", 0, FlagKind::list, "NAME=VALUE",
     "an annotation of its OCI configuration, for hooks"},
    {"cidfile", 0, FlagKind::value, "FILE", "write its id into this new file"},
    {"health-cmd", 0, FlagKind::value, "COMMAND",
     "run this in the container every so often: exit code 0 is healthy"},
    {"probe", 0, FlagKind::value, "URL",
     "ask it from outside instead: http://:PORT/PATH, https://, tcp://:PORT, tls://"},
    {"health-interval", 0, FlagKind::value, "DURATION|disable",
     "between two checks (30s); disable: `crank healthcheck run` alone checks it"},
    {"health-timeout", 0, FlagKind::value, "DURATION", "how long one may take (30s)"},
    {"health-retries", 0, FlagKind::value, "NUMBER", "so many failures in a row are unhealthy (3)"},
    {"health-start-period", 0, FlagKind::value, "DURATION",
     "failures in this time do not count, until one has passed (0s)"},
    {"health-start-interval", 0, FlagKind::value, "DURATION",
     "between two checks in the start period (5s)"},
    {"no-healthcheck", 0, FlagKind::boolean, "", "leave out the image's health check"},
    {"on-unhealthy", 0, FlagKind::value, "ACTION",
     "restart[:N] (at most N times in a row, 5), stop, kill, or nothing at all (none)"},
    {"health-on-failure", 0, FlagKind::value, "ACTION", "", "on-unhealthy"},
    {"platform", 0, FlagKind::value, "OS/ARCH", "what the image is for: this machine's alone"},
    {"restart", 0, FlagKind::value, "POLICY",
     "start it again when it ends: on-failure[:N], always, unless-stopped (no)"},
    {"stop-signal", 0, FlagKind::value, "SIGNAL", "what `crank stop` sends first"},
    {"stop-timeout", 0, FlagKind::value, "SECONDS",
     "how long `crank stop` waits before it kills (10)"},
    {"pull", 0, FlagKind::value, "missing|always|never|newer",
     "when to get the image from its registry (missing)"},
    {"runtime", 0, FlagKind::value, "NAME|PATH",
     "the OCI runtime that makes the container: runc, crun, runsc (crank itself)"},
    {"native", 0, FlagKind::boolean, "",
     "run COMMAND as a plain process of this machine: no image, no container"},
    {"explain", 0, FlagKind::boolean, "", "print what would be done, and do nothing"},
    {"timings", 0, FlagKind::boolean, "", "print when each phase of the start ended"},
};

constexpr std::string_view kExamples[] = {
    "crank run --rm crank-worker-base:latest python -V",
    "crank run -d --name mail -p 8501:8501 crank-email-classifier:latest",
    "crank run -v ~/.crank/certs:/home/worker/.crank/certs:ro crank-email-classifier:latest",
    "crank run -v models:/models crank-email-classifier:latest",
    "crank run --cpus=2 --memory=4g crank-email-classifier:latest",
    "crank run -d -p 8501:8501 --probe http://:8501/health --on-unhealthy restart mail:latest",
    "crank run --cap-drop ALL --cap-add NET_BIND_SERVICE --ulimit nofile=4096 web:latest",
    "crank run --native -- python services/crank_image_classifier_gpu.py",
};

constexpr std::string_view kDiskTraffic =
    "crank limits no disk traffic; --tmpfs PATH:size=SIZE keeps files in memory";
constexpr MissingFlag kMissing[] = {
    {"blkio-weight", 0, true, kDiskTraffic},
    {"blkio-weight-device", 0, true, kDiskTraffic},
    {"cgroup-parent", 0, true, "containers lie in crank's own group, or systemd's slice of it"},
    {"cpu-count", 0, true, "it is for Windows; --cpus=NUMBER"},
    {"cpu-percent", 0, true, "it is for Windows; --cpus=NUMBER"},
    {"cpu-period", 0, true, "--cpus=NUMBER"},
    {"cpu-quota", 0, true, "--cpus=NUMBER"},
    {"cpu-rt-period", 0, true, "--cap-add SYS_NICE --ulimit rtprio=NUMBER"},
    {"cpu-rt-runtime", 0, true, "--cap-add SYS_NICE --ulimit rtprio=NUMBER"},
    {"device-read-bps", 0, true, kDiskTraffic},
    {"device-read-iops", 0, true, kDiskTraffic},
    {"device-write-bps", 0, true, kDiskTraffic},
    {"device-write-iops", 0, true, kDiskTraffic},
    {"disable-content-trust", 0, false, kNoContentTrust},
    {"io-maxbandwidth", 0, true, "it is for Windows"},
    {"io-maxiops", 0, true, "it is for Windows"},
    {"kernel-memory", 0, true, "--memory=SIZE counts the kernel's too"},
    {"isolation", 0, true, "it is for Windows; --sandbox strict confines a worker more"},
    {"link", 0, true, "crank network create NAME, and --network NAME for both"},
    {"link-local-ip", 0, true, "--ip ADDRESS"},
    {"mac-address", 0, true, "the address is made from the container's IP address"},
    {"memory-swappiness", 0, true, "--memory-swap says how much swap there may be"},
    {"oom-kill-disable", 0, false, "--oom-score-adj NUMBER"},
    {"storage-opt", 0, true, "--read-only, and --tmpfs PATH:size=SIZE for what it writes"},
    {"use-api-socket", 0, false, "crank has no daemon, and no socket of one"},
    {"volume-driver", 0, true, "volumes are directories of this machine"},
};

Result<> read_limits(const Arguments& arguments, RunOptions& options) {
    if (auto text = arguments.find("cpus")) options.nano_cpus = TRY_IN(parse_cpus(*text), "--cpus");
    if (auto text = arguments.find("memory"))
        options.memory = TRY_IN(parse_size(*text), "--memory");
    // Docker: 0 is as if nothing was said.
    if (options.memory == 0) options.memory.reset();
    if (auto text = arguments.find("shm-size")) {
        options.shm_size = TRY_IN(parse_size(*text), "--shm-size");
        if (*options.shm_size == 0)
            return fail(Error(Code::invalid_argument, "--shm-size=0: nothing would fit into it")
                            .with_hint("leave it out: half of --memory, 64m without"));
    }
    if (auto text = arguments.find("pids-limit")) {
        options.pids_limit = parse_int(*text);
        if (!options.pids_limit)
            return fail(
                Error(Code::invalid_argument, "--pids-limit: invalid number \"" + *text + "\"")
                    .with_hint("--pids-limit 512, or -1 for any number"));
    }
    std::string limits = arguments.value("limits", "strict");
    if (limits != "strict" && limits != "best-effort")
        return fail(Code::invalid_argument, "--limits=\"" + limits + "\": strict or best-effort");
    options.limits = limits == "strict" ? engine::Limits::strict : engine::Limits::best_effort;
    return {};
}

// As podman: the zone's file, or this machine's own, over /etc/localtime.
Result<engine::BindMount> time_zone(const std::string& zone) {
    constexpr const char* kZones = "/usr/share/zoneinfo/";
    bool local = zone == "local";
    // A zone is a path below the directory of zones.
    bool plain = !zone.empty() && !zone.starts_with('/') &&
                 ("/" + zone + "/").find("/../") == std::string::npos;
    Result<std::string> file = fail(Code::not_found, "");
    if (plain) file = sys::real_path(local ? "/etc/localtime" : kZones + zone);
    if (!file)
        return fail(Error(Code::invalid_argument, "--tz " + zone + ": no such time zone")
                        .with_hint(std::string("names are those of files below ") + kZones));
    return engine::BindMount{.source = *file, .destination = "/etc/localtime", .read_only = true};
}

Result<> read_mounts(const Arguments& arguments, RunOptions& options) {
    std::vector<std::string> volumes = arguments.values("volume");
    std::vector<std::string> mounts = arguments.values("mount");
    std::string here = volumes.empty() && mounts.empty() ? "" : TRY(sys::current_dir());
    for (const std::string& text : volumes)
        options.binds.push_back(TRY(engine::parse_volume(text, here)));
    for (const std::string& text : mounts) {
        engine::MountOf mount = TRY(engine::parse_mount(text, here));
        if (mount.bind) options.binds.push_back(std::move(*mount.bind));
        if (mount.tmpfs) options.tmpfs.push_back(std::move(*mount.tmpfs));
    }
    if (auto zone = arguments.find("tz")) options.binds.push_back(TRY(time_zone(*zone)));
    for (const std::string& text : arguments.values("tmpfs"))
        options.tmpfs.push_back(TRY(engine::parse_tmpfs(text)));
    for (const std::string& text : arguments.values("volumes-from"))
        options.volumes_from.push_back(TRY(engine::parse_volumes_from(text)));
    return {};
}

Result<> read_lists(const Arguments& arguments, RunOptions& options) {
    std::vector<std::string> environment = sys::environment();
    if (arguments.on("env-host"))
        options.env.insert(options.env.end(), environment.begin(), environment.end());
    options.bare_env = arguments.on("unsetenv-all");
    for (const std::string& name : arguments.values("unsetenv")) options.env.push_back(name);
    // -e stands above every file, as with Docker.
    for (const std::string& path : arguments.values("env-file"))
        for (std::string& entry : TRY_IN(engine::read_env_file(path, environment), "--env-file"))
            options.env.push_back(std::move(entry));
    for (const std::string& text : arguments.values("env"))
        for (std::string& one : TRY(engine::parse_env_words(text, environment)))
            options.env.push_back(std::move(one));
    for (const std::string& path : arguments.values("label-file"))
        for (const std::string& text : TRY_IN(engine::read_label_file(path), "--label-file"))
            options.labels.insert_or_assign(TRY(engine::parse_label(text)).first,
                                            TRY(engine::parse_label(text)).second);
    for (const std::string& text : arguments.values("label"))
        options.labels.insert_or_assign(TRY(engine::parse_label(text)).first,
                                        TRY(engine::parse_label(text)).second);
    for (const std::string& text : arguments.values("publish"))
        for (network::PortSpec& port : TRY_IN(network::parse_port(text), "--publish"))
            options.ports.push_back(std::move(port));
    return read_mounts(arguments, options);
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

template <class T>
void drop_repeated(std::vector<T>& mounts) {
    for (auto it = mounts.begin(); it != mounts.end();)
        it = std::find(mounts.begin(), it, *it) != it ? mounts.erase(it) : it + 1;
}

// Two mounts on one place: which one is meant? The same thing typed twice is one.
Result<> check_destinations(RunOptions& options) {
    drop_repeated(options.binds);
    drop_repeated(options.tmpfs);
    std::vector<std::string> seen;
    for (const auto& mount : options.binds) seen.push_back(mount.destination);
    for (const auto& mount : options.tmpfs) seen.push_back(mount.destination);
    std::sort(seen.begin(), seen.end());
    auto twice = std::adjacent_find(seen.begin(), seen.end());
    if (twice == seen.end()) return {};
    return fail(Error(Code::invalid_argument, "duplicate mount point: " + *twice)
                    .with_hint("leave one of the two mounts out"));
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

Result<> read_ids(const Arguments& arguments, RunOptions& options) {
    std::vector<std::string> users = arguments.values("uidmap");
    std::vector<std::string> groups = arguments.values("gidmap");
    auto mode = arguments.find("userns");
    if (users.empty() && groups.empty()) {
        if (mode) options.userns = TRY(engine::ids::parse_userns(*mode));
        return {};
    }
    if (mode)
        return fail(Error(Code::invalid_argument,
                          "--userns with --uidmap or --gidmap: which ids are meant?")
                        .with_hint("leave out one of the two"));
    options.userns = TRY(engine::ids::parse_id_maps(users, groups));
    return {};
}

// A program, or several words as a Dockerfile has them.
Result<> read_entrypoint(const Arguments& arguments, RunOptions& options) {
    auto text = arguments.find("entrypoint");
    if (!text) return {};
    options.entrypoint = *text;
    if (!text->starts_with('[')) return {};
    dockerfile::JsonArray list = dockerfile::parse_json_array(*text);
    if (list.kind != dockerfile::JsonArray::Kind::strings || list.words.empty())
        return fail(Error(Code::invalid_argument,
                          "--entrypoint " + *text + ": no list of words as JSON has it")
                        .with_hint("--entrypoint '[\"python\", \"-m\", \"app\"]'"));
    options.entrypoint = list.words.front();
    // They stand between the program and what is typed behind the image.
    options.entrypoint_args.assign(list.words.begin() + 1, list.words.end());
    return {};
}

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
    TRY(read_entrypoint(arguments, options));
    // A name as `inspect` writes it.
    options.name = arguments.value("name");
    if (options.name.starts_with('/')) options.name.erase(0, 1);
    if (arguments.has("name")) TRY(engine::check_name(options.name));
    options.hostname = arguments.value("hostname");
    if (arguments.has("hostname")) TRY(engine::check_hostname(options.hostname));
    options.user = arguments.value("user");
    options.working_dir = arguments.value("workdir");
    TRY(engine::apply_network_flags({.networks = arguments.values("network"),
                                     .aliases = arguments.values("network-alias"),
                                     .ip = arguments.value("ip"),
                                     .ip6 = arguments.value("ip6")},
                                    options));
    TRY(read_lists(arguments, options));
    TRY(read_limits(arguments, options));
    TRY(read_stop(arguments, options));
    TRY(check_destinations(options));
    TRY(read_settings(arguments, options.settings));
    options.gpus = arguments.value("gpus");
    if (arguments.has("gpus")) TRY(engine::gpu::parse_gpus(options.gpus));
    options.devices = arguments.values("device");
    for (const std::string& device : options.devices) TRY(check_device(device));
    options.interactive = arguments.on("interactive");
    options.terminal = arguments.on("tty");
    options.remove = arguments.on("rm");
    if (!arguments.value("detach-keys").empty())
        return fail(
            Error(Code::unsupported, "--detach-keys: a worker in the foreground is not left")
                .with_hint("run it with -d, and attach to it: crank attach --detach-keys"));
    options.restart = TRY(engine::parse_restart_policy(arguments.value("restart", "no")));
    if (options.remove && options.restart.kind != engine::RestartPolicy::Kind::no)
        return fail(Code::invalid_argument,
                    "conflicting options: cannot specify both --restart and --rm");
    TRY(read_health(arguments, options));
    bool own_runtime = options.settings.runtime.empty();
    options.init = arguments.find_switch("init").value_or(own_runtime);
    if (options.init && !own_runtime)
        return fail(Error(Code::unsupported, "--init with --runtime " + options.settings.runtime +
                                                 ": the init is a part of crank's own runtime")
                        .with_hint("leave out one of the two"));
    options.read_only = arguments.on("read-only");
    TRY(read_ids(arguments, options));
    options.sandbox = TRY(engine::parse_sandbox(arguments.value("sandbox")));
    return options;
}

}  // namespace crank::cli
