#include "cli/describe_settings.h"

#include "base/units.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

Json ulimits_of(const engine::Settings& settings) {
    Json list = Json::array();
    for (const engine::Ulimit& limit : settings.ulimits)
        list.push_back({{"Name", limit.name}, {"Soft", limit.soft}, {"Hard", limit.hard}});
    return list;
}

Json hosts_of(const engine::Settings& settings) {
    Json list = Json::array();
    for (const engine::ExtraHost& host : settings.hosts)
        list.push_back(host.name + ":" + host.address);
    return list;
}

Json log_of(const engine::Settings& settings) {
    Json options = Json::object();
    if (settings.log_max_size != 0) options["max-size"] = std::to_string(settings.log_max_size);
    if (settings.log_max_files != 0) options["max-file"] = std::to_string(settings.log_max_files);
    std::string type = settings.log_driver.empty() ? "json-file" : settings.log_driver;
    return {{"Type", type},
            {"Config", options},
            // podman's
            {"Size", format_size(settings.log_max_size)}};
}

}  // namespace

Json describe_settings(const engine::Settings& settings) {
    return {{"CapAdd", settings.cap_add},
            {"CapDrop", settings.cap_drop},
            {"Privileged", settings.privileged},
            {"SecurityOpt", settings.security_opt},
            {"DeviceCgroupRules", settings.device_rules},
            {"GroupAdd", settings.group_add},
            {"OomScoreAdj", settings.oom_score_adj.value_or(0)},
            {"Ulimits", ulimits_of(settings)},
            {"Sysctls", settings.sysctls},
            {"ExtraHosts", hosts_of(settings)},
            {"Dns", settings.dns},
            {"DnsSearch", settings.dns_search},
            {"DnsOptions", settings.dns_options},
            {"PidMode", settings.pid},
            {"IpcMode", settings.ipc.empty() ? "private" : settings.ipc},
            {"UTSMode", settings.uts},
            {"MemoryReservation", settings.memory_reservation.value_or(0)},
            {"CpuShares", settings.cpu_shares.value_or(0)},
            {"CpusetCpus", settings.cpuset_cpus},
            {"CpusetMems", settings.cpuset_mems},
            {"CgroupnsMode", settings.cgroupns.empty() ? "private" : settings.cgroupns},
            {"PublishAllPorts", settings.publish_all},
            {"Annotations", settings.annotations},
            {"LogConfig", log_of(settings)},
            {"Runtime", settings.runtime.empty() ? "crank" : settings.runtime}};
}

}  // namespace crank::cli
