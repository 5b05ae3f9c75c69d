#include "cli/describe.h"

#include <nlohmann/json.hpp>

#include "base/units.h"
#include "cli/describe_health.h"
#include "cli/describe_settings.h"
#include "cli/shown.h"
#include "engine/logs.h"
#include "engine/networks/endpoint.h"
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
    Json json = {{"Status", state_word(state)},
                 {"Running", running || restarting},
                 {"Paused", state.paused},
                 {"Restarting", restarting},
                 {"OOMKilled", state.exit.oom_killed},
                 {"Dead", state.status == engine::Status::left_over},
                 {"Pid", running ? state.pid : 0},
                 {"MonitorPid", running && state.monitor_pid > 0 ? state.monitor_pid : 0},
                 {"ExitCode", state.exit.code},
                 {"Error", state.error.empty() ? state.start_error : state.error},
                 {"StartedAt", rfc3339(state.started_at_ns)},
                 {"FinishedAt", rfc3339(state.exit.finished_at_ns)},
                 {"Signal", state.exit.signal},
                 {"Cause", engine::cause_word(reason.cause)},
                 {"Why", reason.text},
                 {"Notes", reason.notes}};
    if (state.health) json["Health"] = describe_health(*state.health);
    return json;
}

Json ports_of(const engine::Record& record) {
    Json ports = Json::object();
    for (const engine::PublishedPort& port : engine::published_ports(record))
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

Json on_unhealthy_of(const engine::HealthCheck& check) {
    bool restarts = check.on_unhealthy == engine::OnUnhealthy::restart;
    return {{"Action", engine::name_of(check.on_unhealthy)},
            {"MaximumRestarts", restarts ? engine::most_restarts_of(check) : 0}};
}

// As podman says it: ids that were named are "private".
const char* userns_mode_of(const engine::Record& record) {
    if (!record.ids) return "host";
    return record.ids->blocks == 0 ? "private" : "auto";
}

Json host_config_of(const engine::Paths& paths, const engine::Record& record) {
    Json binds = Json::array();
    for (const engine::MountRecord& mount : record.mounts)
        if (mount.type == "bind" || (mount.type == "volume" && !mount.anonymous))
            binds.push_back(volume_text(mount));
    Json config = {{"Binds", binds},
                   {"NetworkMode", record.network.mode},
                   {"PortBindings", ports_of(record)},
                   {"AutoRemove", record.remove},
                   {"ReadonlyRootfs", record.read_only},
                   {"UsernsMode", userns_mode_of(record)},
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
    if (record.health) config["OnUnhealthy"] = on_unhealthy_of(*record.health);
    config.update(describe_settings(record.settings));
    bool kept = record.settings.log_driver != engine::kNoLog;
    config["LogConfig"]["Path"] = kept ? engine::log_path(paths, record.id) : "";
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
    Json config = {{"Hostname", record.hostname},
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
    if (record.health) config["Healthcheck"] = describe_health_check(*record.health);
    return config;
}

Json endpoint_of(const engine::EndpointRecord& endpoint) {
    Json asked = Json::object();
    if (!endpoint.wanted_ip.empty()) asked["IPv4Address"] = endpoint.wanted_ip;
    if (!endpoint.wanted_ip6.empty()) asked["IPv6Address"] = endpoint.wanted_ip6;
    return {{"IPAMConfig", asked},
            {"Links", nullptr},
            {"Aliases", endpoint.aliases},
            {"MacAddress", endpoint.mac},
            {"DriverOpts", nullptr},
            {"NetworkID", endpoint.network_id},
            {"Gateway", endpoint.gateway},
            {"IPAddress", endpoint.address},
            {"IPPrefixLen", endpoint.prefix},
            {"IPv6Gateway", endpoint.gateway6},
            {"GlobalIPv6Address", endpoint.address6},
            {"GlobalIPv6PrefixLen", endpoint.prefix6},
            {"DNSNames", nullptr}};
}

// Names that others on the network find it by.
Json names_of(const engine::Record& record, const engine::EndpointRecord& endpoint) {
    Json names = Json::array();
    for (const std::string& name : engine::networks::guest_of(record).names) names.push_back(name);
    for (const std::string& alias : endpoint.aliases) names.push_back(alias);
    return names;
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
    if (record.networks.empty()) return all;
    all["Networks"] = Json::object();
    for (const engine::EndpointRecord& endpoint : record.networks) {
        Json shown = endpoint_of(endpoint);
        if (!endpoint.network_id.empty()) shown["DNSNames"] = names_of(record, endpoint);
        all["Networks"][endpoint.network] = std::move(shown);
    }
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
    return {
        {"Id", record.id},
        {"Created", rfc3339(record.created_ns)},
        {"Path", record.args.empty() ? "" : record.args[0]},
        {"Args", rest},
        {"State", state_of(container)},
        {"Image", record.image_id},
        {"ResolvConfPath", paths.monitor(record.id) + "/resolv.conf"},
        {"HostnamePath", paths.monitor(record.id) + "/hostname"},
        {"HostsPath", paths.monitor(record.id) + "/hosts"},
        {"LogPath",
         record.settings.log_driver == engine::kNoLog ? "" : engine::log_path(paths, record.id)},
        {"Name", "/" + record.name},
        {"RestartCount", container.state.status == engine::Status::restarting
                             ? container.state.restarts
                             : record.restart_count},
        {"Platform", "linux"},
        {"HostConfig", host_config_of(paths, record)},
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
    if (config.healthcheck) described["Healthcheck"] = describe_health_check(*config.healthcheck);
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
