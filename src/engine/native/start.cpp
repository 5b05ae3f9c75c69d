#include "engine/native/start.h"

#include "engine/events.h"
#include "engine/local/spec.h"
#include "engine/names.h"
#include "engine/native/environment.h"
#include "engine/native/files.h"
#include "engine/restart_command.h"
#include "engine/state.h"
#include "runtime/host.h"
#include "sys/file.h"
#include "sys/signals.h"
#include "sys/stdin_pipe.h"
#include "sys/system.h"

namespace crank::engine::native {
namespace {

Result<> refuse(bool given, const char* flag, const char* why) {
    if (!given) return {};
    return fail(Code::unsupported, std::string(flag) + " with --native: " + why);
}

Result<> check_settings(const Settings& settings) {
    const char* rights = "the worker has the rights of the one who starts it";
    const char* files = "the worker sees the host's files";
    TRY(refuse(!settings.cap_add.empty(), "--cap-add", rights));
    TRY(refuse(!settings.cap_drop.empty(), "--cap-drop", rights));
    TRY(refuse(settings.privileged, "--privileged", rights));
    TRY(refuse(!settings.security_opt.empty(), "--security-opt", rights));
    TRY(refuse(!settings.group_add.empty(), "--group-add", rights));
    TRY(refuse(!settings.sysctls.empty(), "--sysctl", "the settings are the host's"));
    TRY(refuse(!settings.domainname.empty(), "--domainname", "the worker has the host's"));
    TRY(refuse(!settings.hosts.empty(), "--add-host", files));
    TRY(refuse(
        !settings.dns.empty() || !settings.dns_search.empty() || !settings.dns_options.empty(),
        "--dns", files));
    TRY(refuse(!settings.annotations.empty(), "--annotation", "it has no OCI configuration"));
    TRY(refuse(!settings.pid.empty() || (!settings.ipc.empty() && settings.ipc != "private") ||
                   !settings.uts.empty(),
               "--pid, --ipc and --uts", "the worker has the host's namespaces"));
    TRY(refuse(!settings.ip.empty(), "--ip", "the worker has the host's addresses"));
    TRY(refuse(!settings.runtime.empty(), "--runtime",
               "there is no container that one could make"));
    return refuse(settings.publish_all, "--publish-all", "there is no image that exposes ports");
}

Result<> check(const RunOptions& options) {
    if (options.command.empty())
        return fail(Error(Code::invalid_argument, "no command given")
                        .with_hint("crank run --native -- COMMAND [ARG...]"));
    TRY(refuse(options.terminal, "--tty", "not supported yet"));
    TRY(refuse(!options.binds.empty(), "--volume", "the worker sees the host's files anyway"));
    TRY(refuse(!options.volumes_from.empty(), "--volumes-from",
               "the worker sees the host's files"));
    TRY(refuse(!options.tmpfs.empty(), "--tmpfs", "the worker sees the host's files"));
    TRY(refuse(options.shm_size.has_value(), "--shm-size", "the worker has the host's /dev/shm"));
    TRY(refuse(options.sandbox != Sandbox::usual, "--sandbox strict",
               "the worker is a plain process of this machine"));
    bool own_ids = wants_own_ids(options);
    TRY(refuse(own_ids,
               options.userns && options.userns->named ? "--uidmap and --gidmap" : "--userns",
               "the worker has the ids of the one who starts it"));
    TRY(refuse(options.read_only, "--read-only", "the worker sees the host's files"));
    TRY(refuse(!options.user.empty(), "--user", "the worker runs as the one who starts it"));
    TRY(refuse(options.entrypoint.has_value(), "--entrypoint", "there is no image"));
    TRY(refuse(!options.hostname.empty(), "--hostname", "the worker has the host's"));
    TRY(refuse(!options.gpus.empty(), "--gpus", "the worker sees the host's devices anyway"));
    TRY(refuse(!options.devices.empty(), "--device", "the worker sees the host's devices anyway"));
    TRY(check_settings(options.settings));
    TRY(refuse(options.network == NetworkMode::container,
               "--network container:", "the worker uses the host's network"));
    TRY(refuse(options.network == NetworkMode::pasta, "--network pasta",
               "the worker uses the host's network"));
    return refuse(options.network == NetworkMode::none, "--network none",
                  "the worker uses the host's network");
}

void add_warnings(const RunOptions& options, std::vector<std::string>& warnings) {
    if (!options.ports.empty())
        warnings.emplace_back(
            "--publish is ignored with --native: the worker listens on the host itself");
}

Result<oci::RuntimeSpec> make_spec(const RunOptions& options, const runtime::HostFacts& host,
                                   const std::string& id, std::vector<std::string>& warnings) {
    oci::RuntimeSpec spec;
    spec.process.args = options.command;
    spec.process.env = local::merge_env(surrounding_environment(options.labels), options.env);
    std::string here = TRY(sys::current_dir());
    spec.process.cwd = options.working_dir.empty()            ? here
                       : options.working_dir.starts_with('/') ? options.working_dir
                                                              : here + "/" + options.working_dir;
    spec.process.no_new_privileges = false;
    spec.process.user.umask = TRY(sys::current_umask());
    spec.process.rlimits = local::rlimits_of(options.settings);
    spec.process.oom_score_adj = options.settings.oom_score_adj;
    RunOptions limits = options;
    // A plain process of the user's is not limited unless asked for.
    if (!limits.pids_limit) limits.pids_limit = -1;
    oci::ImageConfig no_image;
    spec.linux.resources = TRY(local::make_resources({.image = no_image,
                                                      .options = limits,
                                                      .host = host,
                                                      .user = {},
                                                      .id = id,
                                                      .files_dir = {},
                                                      .host_name = {}},
                                                     warnings));
    // Below what the caller's environment says.
    spec.process.env =
        local::merge_env(local::limit_variables(spec.linux.resources), spec.process.env);
    // A container's device list would hide the GPU.
    spec.linux.resources.devices = {{true, "a", std::nullopt, std::nullopt, "rwm"}};
    // Also without limits: what the worker leaves behind is found and ended by its cgroup.
    if (host.cgroup_mode != runtime::CgroupMode::none)
        spec.linux.cgroups_path = host.group_parent + "/" + id;
    return spec;
}

// As a container's: they are the gateway's.
void describe_ports(const local::StartRequest& request, Record& record) {
    const RunOptions& options = request.options;
    for (const network::PortSpec& port : options.gateway_ports) {
        auto own = options.worker_ports.find(port.container_port);
        std::uint16_t number = own == options.worker_ports.end() ? 0 : own->second;
        for (const std::string& ip :
             network::published_addresses(port, request.config.text("publish.address")))
            record.gateway_ports.push_back(
                {ip, port.host_port, port.container_port, port.protocol, number});
    }
}

Result<Record> describe(const local::StartRequest& request, const Reservation& reservation,
                        const oci::RuntimeSpec& spec) {
    const RunOptions& options = request.options;
    Record record{.id = reservation.id(),
                  .name = reservation.name(),
                  .kind = Kind::native,
                  .created_ns = sys::wall_clock_ns(),
                  .image = "native",
                  .args = spec.process.args,
                  .hostname = sys::kernel_info().host_name,
                  .working_dir = spec.process.cwd,
                  .env = options.env,
                  .labels = options.labels};
    record.secrets = options.secrets;
    record.config_links = options.config_links;
    record.network.mode = network_name(NetworkMode::host);
    describe_ports(request, record);
    record.interactive = options.interactive;
    record.remove = options.remove;
    record.init = false;
    record.settings = options.settings;
    std::string signal = options.stop_signal.value_or("SIGTERM");
    std::optional<int> number = sys::signal_number(signal);
    if (!number) return fail(Code::invalid_argument, "unknown stop signal \"" + signal + "\"");
    record.stop_signal = sys::signal_name(*number);
    record.stop_timeout = options.stop_timeout.value_or(kDefaultStopTimeout);
    const oci::Resources& resources = spec.linux.resources;
    if (resources.cpu_quota) record.nano_cpus = options.nano_cpus.value_or(0);
    record.memory = resources.memory_limit.value_or(0);
    record.memory_swap = resources.memory_swap.value_or(0);
    record.pids_limit = resources.pids_limit.value_or(0);
    record.cgroups_path = spec.linux.cgroups_path;
    return record;
}

runtime::Options runtime_options(const local::StartRequest& request, const Record& record) {
    runtime::Options options;
    options.init = false;
    options.keep_rights = true;
    options.default_seccomp = false;
    options.timings = request.timings;
    options.state_dir = request.paths.monitor(record.id);
    options.log.path = request.paths.container(record.id) + "/log";
    options.restart = restart_of(request.paths, record, request.last_delay_ms);
    options.health = health_schedule_of(request.paths, record);
    // Its probes have what it has.
    if (!options.health.command.empty()) options.restart.environment = sys::environment();
    end_files(request.paths, record, options.after_exit);
    using Kind = runtime::AfterExit::Kind;
    if (record.remove) {
        options.after_exit.push_back({Kind::unlink_own, request.paths.name(record.name)});
        options.after_exit.push_back({Kind::remove_tree, request.paths.container(record.id)});
        options.after_exit.push_back({Kind::remove_tree, request.paths.monitor(record.id)});
    }
    return options;
}

Result<Record> make_record(local::StartRequest& request, const runtime::HostFacts& host,
                           const Reservation& reservation, oci::RuntimeSpec& spec) {
    RunOptions& options = request.options;
    add_directories(
        request.paths,
        {.id = reservation.id(), .secrets = options.secrets, .config_links = options.config_links},
        options.env);
    std::vector<std::string> warnings;
    add_warnings(options, warnings);
    spec = TRY(make_spec(options, host, reservation.id(), warnings));
    Record record = TRY(describe(request, reservation, spec));
    record.warnings = std::move(warnings);
    record.restart = options.restart;
    MergedHealth health =
        merge_health(std::nullopt, options.health, options.settings.no_healthcheck);
    record.health = std::move(health.check);
    record.warnings.insert(record.warnings.end(), health.warnings.begin(), health.warnings.end());
    // What the caller's environment holds beyond what was asked for is nobody's to keep.
    oci::RuntimeSpec kept = spec;
    kept.process.env = options.env;
    record.spec = oci::serialize(kept);
    return record;
}

Result<local::Started> launch(local::StartRequest& request, const runtime::HostFacts& host,
                              Record record, oci::RuntimeSpec spec, Timeline timeline) {
    const RunOptions& options = request.options;
    sys::UniqueFd stdin_read, stdin_write;
    if (options.interactive && options.detach) {
        stdin_read = TRY(sys::open_silent_pipe());
    } else if (options.interactive) {
        sys::Pipe pipe = TRY(sys::make_pipe());
        stdin_read = std::move(pipe.read);
        stdin_write = std::move(pipe.write);
    }
    runtime::LaunchRequest launch{.id = record.id,
                                  .spec = std::move(spec),
                                  .rootfs = {},
                                  .options = runtime_options(request, record),
                                  .io = {.stdin_read = std::move(stdin_read),
                                         .forward_stdout = request.forward_stdout,
                                         .forward_stderr = request.forward_stderr},
                                  .network_namespace = {},
                                  .listeners = {}};
    TRY(make_files(request.paths, record));
    runtime::Running running = TRY(runtime::launch(std::move(launch), host));
    TRY(running.wait_started());
    timeline.mark("worker started");
    return local::Started{std::move(record), std::move(running), std::move(stdin_write),
                          std::move(timeline)};
}

}  // namespace

Result<local::Started> start(local::StartRequest request) {
    Timeline timeline;
    TRY(check(request.options));
    runtime::HostFacts host = TRY(runtime::probe_host());
    Reservation reservation = TRY(local::reserve(request));
    oci::RuntimeSpec spec;
    Record record = TRY(make_record(request, host, reservation, spec));
    TRY(write_record(request.paths, record));
    note_container(request.paths, record, "create");
    timeline.mark("record written");
    auto started =
        TRY(launch(request, host, std::move(record), std::move(spec), std::move(timeline)));
    reservation.keep();
    return started;
}

Result<Record> create(local::StartRequest request) {
    TRY(check(request.options));
    runtime::HostFacts host = TRY(runtime::probe_host());
    Reservation reservation = TRY(local::reserve(request));
    oci::RuntimeSpec spec;
    Record record = TRY(make_record(request, host, reservation, spec));
    // Before the record: see local::create.
    TRY(sys::write_file_atomic(request.paths.container(record.id) + "/" + kCreated, "", 0600,
                               sys::Sync::no));
    TRY(write_record(request.paths, record));
    note_container(request.paths, record, "create");
    reservation.keep();
    return record;
}

Result<local::Started> start_again(local::StartRequest request, StartAttempt& attempt) {
    Timeline timeline;
    Record record = attempt.container().record;
    record.restart_count = request.restart_count;
    record.unhealthy_restarts = request.unhealthy_restarts;
    runtime::HostFacts host = TRY(runtime::probe_host());
    oci::RuntimeSpec spec = TRY(oci::parse_runtime_spec(record.spec));
    add_directories(request.paths, record, record.env);
    spec.process.env =
        local::merge_env(local::limit_variables(spec.linux.resources),
                         local::merge_env(surrounding_environment(record.labels), record.env));
    if (!spec.linux.cgroups_path.empty())
        spec.linux.cgroups_path = record.cgroups_path = host.group_parent + "/" + record.id;
    request.options.interactive = record.interactive;
    request.options.detach = request.forward_stdout < 0;
    TRY(attempt.write(record));
    return launch(request, host, std::move(record), std::move(spec), std::move(timeline));
}

}  // namespace crank::engine::native
