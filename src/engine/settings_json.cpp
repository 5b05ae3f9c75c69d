#include "engine/settings_json.h"

namespace crank::engine {
namespace {

using Json = nlohmann::ordered_json;

Json ulimits_to_json(const std::vector<Ulimit>& limits) {
    Json list = Json::array();
    for (const Ulimit& limit : limits)
        list.push_back({{"name", limit.name}, {"soft", limit.soft}, {"hard", limit.hard}});
    return list;
}

Json hosts_to_json(const std::vector<ExtraHost>& hosts) {
    Json list = Json::array();
    for (const ExtraHost& host : hosts)
        list.push_back({{"name", host.name}, {"address", host.address}});
    return list;
}

// One table for both directions: `Visitor` has a call for each type of field.
template <class S, class Visitor>
void visit(S& s, Visitor&& field) {
    field("capAdd", s.cap_add);
    field("capDrop", s.cap_drop);
    field("privileged", s.privileged);
    field("securityOpt", s.security_opt);
    field("seccomp", s.seccomp);
    field("noNewPrivileges", s.no_new_privileges);
    field("deviceRules", s.device_rules);
    field("barePaths", s.bare_paths);
    field("groupAdd", s.group_add);
    field("oomScoreAdj", s.oom_score_adj);
    field("sysctls", s.sysctls);
    field("pid", s.pid);
    field("ipc", s.ipc);
    field("uts", s.uts);
    field("networkOf", s.network_of);
    field("ip", s.ip);
    field("pastaOptions", s.pasta_options);
    field("dns", s.dns);
    field("dnsSearch", s.dns_search);
    field("dnsOptions", s.dns_options);
    field("domainname", s.domainname);
    field("memorySwap", s.memory_swap);
    field("memoryReservation", s.memory_reservation);
    field("cpuShares", s.cpu_shares);
    field("cpusetCpus", s.cpuset_cpus);
    field("cpusetMems", s.cpuset_mems);
    field("umask", s.umask);
    field("cgroupns", s.cgroupns);
    field("noHosts", s.no_hosts);
    field("noHostname", s.no_hostname);
    field("logDriver", s.log_driver);
    field("logMaxSize", s.log_max_size);
    field("logMaxFiles", s.log_max_files);
    field("annotations", s.annotations);
    field("expose", s.expose);
    field("publishAll", s.publish_all);
    field("noHealthcheck", s.no_healthcheck);
    field("runtime", s.runtime);
    field("runtimeCommand", s.runtime_command);
}

struct Writer {
    Json& json;
    template <class T>
    void operator()(const char* name, const std::optional<T>& value) const {
        if (value) json[name] = *value;
    }
    template <class T>
    void operator()(const char* name, const T& value) const {
        if (value != T{}) json[name] = value;
    }
};

struct Reader {
    const Json& json;
    template <class T>
    void operator()(const char* name, std::optional<T>& value) const {
        if (json.contains(name)) value = json.at(name).get<T>();
    }
    template <class T>
    void operator()(const char* name, T& value) const {
        if (json.contains(name)) json.at(name).get_to(value);
    }
};

}  // namespace

Json to_json(const Settings& settings) {
    Json json = Json::object();
    visit(settings, Writer{json});
    if (!settings.ulimits.empty()) json["ulimits"] = ulimits_to_json(settings.ulimits);
    if (!settings.hosts.empty()) json["hosts"] = hosts_to_json(settings.hosts);
    return json;
}

Settings settings_from(const Json& json) {
    Settings settings;
    visit(settings, Reader{json});
    if (json.contains("ulimits"))
        for (const Json& limit : json.at("ulimits"))
            settings.ulimits.push_back({limit.at("name"), limit.at("soft"), limit.at("hard")});
    if (json.contains("hosts"))
        for (const Json& host : json.at("hosts"))
            settings.hosts.push_back({host.at("name"), host.at("address")});
    return settings;
}

}  // namespace crank::engine
