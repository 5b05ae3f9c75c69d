#include "cli/describe.h"

#include <nlohmann/json.hpp>

#include "base/units.h"
#include "cli/describe_settings.h"
#include "cli/shown.h"
#include "engine/logs.h"
#include "engine/reason.h"
#include "runtime/host.h"
#include "runtime/runtime.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

Json state_of(const engine::Container& container) {
    const engine::State& state = container.state;
    engine::Reason reason = engine::explain(container);
    bool running = state.status == engine::Status::running;
    bool restarting = state.status == engine::Status::restarting;
    return {{"Status", state_word(state)},
            {"Running", running || restarting},
            {"Paused", state.paused},
            {"Restarting", restarting},
            {"OOMKilled", state.exit.oom_killed},
            {"Dead", state.status == engine::Status::left_over},
            {"Pid", running ? state.pid : 0},
            {"ExitCode", state.exit.code},
            {"Error", state.error.empty() ? state.start_error : state.error},
            {"StartedAt", rfc3339(state.started_at_ns)},
            {"FinishedAt", rfc3339(state.exit.finished_at_ns)},
            {"Signal", state.exit.signal},
            {"Cause", engine::cause_word(reason.cause)},
            {"Why", reason.text},
            {"Notes", reason.notes}};
}

Json ports_of(const engine::Record& record) {
    Json ports = Json::object();
    for (const engine::PublishedPort& port : record.ports)
        ports[std::to_string(port.container_port) + "/" + port.protocol].push_back(
            {{"HostIp", port.host_ip}, {"HostPort", std::to_string(port.host_port)}});
    return ports;
}

Json map_of(std::uint32_t first, std::uint32_t size) {
    return Json::array({"0:" + std::to_string(first) + ":" + std::to_string(size)});
}

// As podman words it; empty without ids of its own.
Json id_mappings_of(const engine::Record& record) {
    if (!record.ids) return Json::object();
    const engine::ids::Range& range = record.ids->range;
    return {{"UidMap", map_of(range.uid, range.size)}, {"GidMap", map_of(range.gid, range.size)}};
}

std::string volume_text(const engine::MountRecord& mount) {
    std::string options = mount.read_only ? "ro" : "";
    if (mount.own_ids) options += options.empty() ? "noidmap" : ",noidmap";
    return (mount.volume.empty() ? mount.source : mount.volume) + ":" + mount.destination +
           (options.empty() ? "" : ":" + options);
}

Json host_config_of(const engine::Record& record) {
    Json binds = Json::array();
    for (const engine::MountRecord& mount : record.mounts)
        if (mount.type == "bind" || (mount.type == "volume" && !mount.anonymous))
            binds.push_back(volume_text(mount));
    Json config = {{"Binds", binds},
                   {"NetworkMode", record.network.mode},
                   {"PortBindings", ports_of(record)},
                   {"AutoRemove", record.remove},
                   {"ReadonlyRootfs", record.read_only},
                   {"UsernsMode", record.ids ? "auto" : "host"},
                   {"IDMappings", id_mappings_of(record)},
                   {"Init", record.init},
                   {"ShmSize", record.shm_size},
                   {"NanoCpus", record.nano_cpus},
                   {"Memory", record.memory},
                   {"MemorySwap", record.memory_swap},
                   {"PidsLimit", record.pids_limit},
                   {"RestartPolicy",
                    {{"Name", engine::name_of(record.restart.kind)},
                     {"MaximumRetryCount", record.restart.most}}}};
    config.update(describe_settings(record.settings));
    return config;
}

Json mounts_of(const engine::Record& record) {
    Json mounts = Json::array();
    for (const engine::MountRecord& mount : record.mounts) {
        mounts.push_back({{"Type", mount.type},
                          {"Source", mount.source},
                          {"Destination", mount.destination},
                          {"Mode", mount.read_only ? "ro" : ""},
                          {"RW", !mount.read_only}});
        if (mount.type != "volume") continue;
        mounts.back()["Name"] = mount.volume;
        mounts.back()["Driver"] = "local";
    }
    return mounts;
}

Json config_of(const engine::Record& record) {
    std::vector<std::string> command(
        record.args.begin() + static_cast<std::ptrdiff_t>(record.entrypoint.size()),
        record.args.end());
    return {{"Hostname", record.hostname},
            {"Domainname", record.settings.domainname},
            {"User", record.user},
            {"Tty", record.terminal},
            {"OpenStdin", record.interactive},
            {"Env", record.env},
            {"Cmd", command},
            {"Image", record.image},
            {"WorkingDir", record.working_dir},
            {"Entrypoint", record.entrypoint},
            {"Labels", record.labels},
            {"StopSignal", record.stop_signal},
            {"StopTimeout", record.stop_timeout}};
}

Json network_of(const engine::Record& record) {
    const engine::NetworkRecord& network = record.network;
    Json one = {{"IPAddress", network.address},
                {"IPPrefixLen", network.prefix},
                {"Gateway", network.gateway},
                {"MacAddress", network.mac}};
    Json all = one;
    all["Ports"] = ports_of(record);
    all["Networks"] = {{network.mode, one}};
    return all;
}

// What its cgroup says now; an empty object when there is none to ask.
Json usage_of(const engine::Container& container) {
    if (container.record.cgroups_path.empty() || container.state.status != engine::Status::running)
        return Json::object();
    Result<runtime::HostFacts> host = runtime::probe_host();
    if (!host) return Json::object();
    Result<runtime::CgroupUsage> usage = runtime::read_usage(container.record.cgroups_path, *host);
    if (!usage) return Json::object();
    return {{"CpuNanos", usage->cpu_usage_ns},
            {"ThrottledPeriods", usage->throttled_periods},
            {"ThrottledNanos", usage->throttled_ns},
            {"MemoryBytes", usage->memory_current},
            {"MemoryPeakBytes", usage->memory_peak},
            {"OOMKills", usage->oom_kills},
            {"Pids", usage->pids}};
}

// Of its start, and of what happened to it since.
Json warnings_of(const engine::Container& container) {
    std::vector<std::string> all = container.record.warnings;
    all.insert(all.end(), container.state.notes.begin(), container.state.notes.end());
    return all;
}

}  // namespace

Json describe_container(const engine::Paths& paths, const engine::Container& container) {
    const engine::Record& record = container.record;
    std::vector<std::string> rest(record.args.begin() + (record.args.empty() ? 0 : 1),
                                  record.args.end());
    return {{"Id", record.id},
            {"Created", rfc3339(record.created_ns)},
            {"Path", record.args.empty() ? "" : record.args[0]},
            {"Args", rest},
            {"State", state_of(container)},
            {"Image", record.image_id},
            {"ResolvConfPath", paths.monitor(record.id) + "/resolv.conf"},
            {"HostnamePath", paths.monitor(record.id) + "/hostname"},
            {"HostsPath", paths.monitor(record.id) + "/hosts"},
            {"LogPath", engine::log_path(paths, record.id)},
            {"Name", "/" + record.name},
            {"RestartCount", container.state.status == engine::Status::restarting
                                 ? container.state.restarts
                                 : record.restart_count},
            {"Platform", "linux"},
            {"HostConfig", host_config_of(record)},
            {"Mounts", mounts_of(record)},
            {"Config", config_of(record)},
            {"NetworkSettings", network_of(record)},
            {"Kind", record.kind == engine::Kind::native ? "native" : "container"},
            {"Sandbox",
             {{"Level", record.kind == engine::Kind::native ? "none" : record.sandbox},
              {"Landlock", record.landlock},
              {"Writable", record.writable},
              {"BindPorts", record.bind_ports}}},
            {"Warnings", warnings_of(container)},
            {"Usage", usage_of(container)},
            {"Figures", describe_figures(container)}};
}

Json describe_image(const store::Image& image) {
    const oci::ContainerConfig& config = image.config.config;
    Json tags = Json::array(), layers = Json::array();
    for (const std::string& tag : image.tags) {
        Result<oci::Reference> reference = oci::Reference::parse(tag);
        tags.push_back(reference ? reference->familiar() : tag);
    }
    for (const oci::Digest& layer : image.config.diff_ids) layers.push_back(layer.str());
    Json exposed = Json::object(), volumes = Json::object();
    for (const std::string& port : config.exposed_ports) exposed[port] = Json::object();
    for (const std::string& volume : config.volumes) volumes[volume] = Json::object();
    Json described = {{"User", config.user},
                      {"ExposedPorts", exposed},
                      {"Env", config.env},
                      {"Cmd", config.cmd},
                      {"Volumes", volumes},
                      {"WorkingDir", config.working_dir},
                      {"Entrypoint", config.entrypoint},
                      {"Labels", config.labels},
                      {"StopSignal", config.stop_signal}};
    if (config.healthcheck)
        described["Healthcheck"] = {{"Test", config.healthcheck->test},
                                    {"Interval", config.healthcheck->interval},
                                    {"Timeout", config.healthcheck->timeout},
                                    {"StartPeriod", config.healthcheck->start_period},
                                    {"Retries", config.healthcheck->retries}};
    return {{"Id", image.id.str()},
            {"RepoTags", tags},
            {"Created", image.config.created},
            {"Author", image.config.author},
            {"Config", described},
            {"Architecture", image.config.platform.architecture},
            {"Os", image.config.platform.os},
            {"Size", image.size},
            {"RootFS", {{"Type", "layers"}, {"Layers", layers}}}};
}

}  // namespace crank::cli
