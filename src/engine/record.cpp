#include "engine/record.h"

#include <nlohmann/json.hpp>

#include "engine/health_json.h"
#include "engine/json_member.h"
#include "engine/names.h"
#include "engine/settings_json.h"

namespace crank::engine {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kVersion = 1;
// What an older crank must not touch: its `exec` would join such a container without its sandbox.
constexpr int kStrictVersion = 2;

Json to_json(const PublishedPort& port) {
    Json json = {{"hostIp", port.host_ip},
                 {"hostPort", port.host_port},
                 {"containerPort", port.container_port},
                 {"protocol", port.protocol}};
    if (port.worker_port != 0) json["workerPort"] = port.worker_port;
    return json;
}

Json to_json(const MountRecord& mount) {
    return {{"type", mount.type},
            {"source", mount.source},
            {"destination", mount.destination},
            {"readOnly", mount.read_only},
            {"ownIds", mount.own_ids},
            {"volume", mount.volume},
            {"anonymous", mount.anonymous}};
}

Json to_json(const NetworkRecord& network) {
    return {{"mode", network.mode},
            {"address", network.address},
            {"prefix", network.prefix},
            {"gateway", network.gateway},
            {"mac", network.mac},
            {"hostDevice", network.host_device},
            {"leasePath", network.lease_path}};
}

Json to_json(const EndpointRecord& endpoint) {
    return {{"network", endpoint.network},
            {"id", endpoint.network_id},
            {"aliases", endpoint.aliases},
            {"wantedIp", endpoint.wanted_ip},
            {"wantedIp6", endpoint.wanted_ip6},
            {"address", endpoint.address},
            {"prefix", endpoint.prefix},
            {"gateway", endpoint.gateway},
            {"mac", endpoint.mac},
            {"hostDevice", endpoint.host_device},
            {"leasePath", endpoint.lease_path},
            {"address6", endpoint.address6},
            {"prefix6", endpoint.prefix6},
            {"gateway6", endpoint.gateway6},
            {"lease6Path", endpoint.lease6_path},
            {"device", endpoint.device},
            {"leadsOut", endpoint.leads_out}};
}

Json to_json(const network::PortSpec& port) {
    return {{"hostIp", port.host_ip},
            {"hostPort", port.host_port},
            {"containerPort", port.container_port},
            {"protocol", port.protocol}};
}

Json to_json(const SecretFile& secret) {
    return {{"source", secret.source},
            {"destination", secret.destination},
            {"uid", secret.uid.value_or(0)},
            {"gid", secret.gid.value_or(0)},
            {"mode", secret.mode}};
}

Json to_json(const ConfigLink& config) {
    return {{"source", config.source}, {"name", config.name}};
}

template <class T>
Json list_to_json(const std::vector<T>& items) {
    Json list = Json::array();
    for (const T& item : items) list.push_back(to_json(item));
    return list;
}

PublishedPort port_from(const Json& json) {
    return {json.at("hostIp"), json.at("hostPort"), json.at("containerPort"), json.at("protocol"),
            json.value("workerPort", std::uint16_t{0})};
}

MountRecord mount_from(const Json& json) {
    return {json.at("type"),
            json.at("source"),
            json.at("destination"),
            json.at("readOnly"),
            json.value("ownIds", false),
            json.value("volume", ""),
            json.value("anonymous", false)};
}

SecretFile secret_from(const Json& json) {
    return {.source = json.at("source"),
            .destination = json.at("destination"),
            .uid = json.at("uid").get<std::uint32_t>(),
            .gid = json.at("gid").get<std::uint32_t>(),
            .mode = json.at("mode")};
}

NetworkRecord network_from(const Json& json) {
    return {.mode = json.at("mode"),
            .address = json.at("address"),
            .gateway = json.at("gateway"),
            .mac = json.at("mac"),
            .host_device = json.at("hostDevice"),
            .lease_path = json.at("leasePath"),
            .prefix = json.at("prefix")};
}

EndpointRecord endpoint_from(const Json& json) {
    EndpointRecord endpoint{.network = json.at("network"), .network_id = json.at("id")};
    endpoint.aliases = json.at("aliases").get<std::vector<std::string>>();
    endpoint.wanted_ip = json.at("wantedIp");
    endpoint.wanted_ip6 = json.at("wantedIp6");
    endpoint.address = json.at("address");
    endpoint.prefix = json.at("prefix");
    endpoint.gateway = json.at("gateway");
    endpoint.mac = json.at("mac");
    endpoint.host_device = json.at("hostDevice");
    endpoint.lease_path = json.at("leasePath");
    endpoint.address6 = json.at("address6");
    endpoint.prefix6 = json.at("prefix6");
    endpoint.gateway6 = json.at("gateway6");
    endpoint.lease6_path = json.at("lease6Path");
    endpoint.device = json.at("device");
    endpoint.leads_out = json.at("leadsOut");
    return endpoint;
}

void read_options(const Json& json, Record& record) {
    record.terminal = json.at("terminal");
    record.interactive = json.at("interactive");
    record.remove = json.at("remove");
    record.init = json.at("init");
    record.read_only = json.at("readOnly");
    record.stop_signal = json.at("stopSignal");
    record.stop_timeout = json.at("stopTimeout");
    record.nano_cpus = json.at("nanoCpus");
    record.memory = json.at("memory");
    record.memory_swap = json.at("memorySwap");
    record.shm_size = json.at("shmSize");
    record.pids_limit = json.at("pidsLimit");
    record.cgroups_path = json.at("cgroupsPath");
}

network::PortSpec wanted_port_from(const Json& json) {
    return {json.at("hostIp"), json.at("hostPort"), json.at("containerPort"), json.at("protocol")};
}

Json restart_to_json(const Record& record) {
    return {{"policy", name_of(record.restart.kind)},
            {"most", record.restart.most},
            {"count", record.restart_count}};
}

void read_restart(const Json& json, Record& record) {
    auto policy = parse_restart_policy(json.at("policy").get<std::string>());
    if (policy) record.restart = *policy;
    record.restart.most = json.at("most");
    record.restart_count = json.at("count");
}

// What only a later start asks for. An older crank wrote none of it; its ports stand for those that
// were asked for.
void read_wanted(const Json& json, Record& record) {
    const Json none = Json::object();
    const Json& wanted = json.contains("wanted") ? json.at("wanted") : none;
    for (const Json& port : wanted.value("ports", json.at("ports")))
        record.wanted_ports.push_back(wanted_port_from(port));
    record.gpus = wanted.value("gpus", "");
    record.devices = wanted.value("devices", std::vector<std::string>());
    if (wanted.contains("spec")) record.spec_without_devices = wanted.at("spec").dump();
    if (json.contains("restart")) read_restart(json.at("restart"), record);
    if (json.contains("health")) record.health = health_check_from(json.at("health"));
    record.unhealthy_restarts = json.value("unhealthyRestarts", 0);
}

void read_sandbox(const Json& json, Record& record) {
    record.sandbox = json.at("level");
    record.writable = json.at("writable").get<std::vector<std::string>>();
    record.bind_ports = json.at("bindPorts").get<std::vector<std::uint16_t>>();
    record.landlock = json.at("landlock");
}

ids::Lease ids_from(const Json& json) {
    return {{json.at("uid"), json.at("gid"), json.at("size")}, json.at("block"), json.at("blocks")};
}

// Throws nlohmann's exceptions: caught by parse_record.
Record record_from(const Json& json) {
    Record record;
    record.id = json.at("id");
    record.name = json.at("name");
    record.kind = json.at("kind") == "native" ? Kind::native : Kind::container;
    record.created_ns = json.at("created");
    record.image = json.at("image");
    record.image_id = json.at("imageId");
    record.args = json.at("args").get<std::vector<std::string>>();
    record.entrypoint = json.at("entrypoint").get<std::vector<std::string>>();
    record.hostname = json.at("hostname");
    record.user = json.at("user");
    record.working_dir = json.at("workingDir");
    record.env = json.at("env").get<std::vector<std::string>>();
    record.labels = json.at("labels").get<std::map<std::string, std::string>>();
    for (const Json& port : json.at("ports")) record.ports.push_back(port_from(port));
    if (json.contains("gatewayPorts"))
        for (const Json& port : json.at("gatewayPorts"))
            record.gateway_ports.push_back(port_from(port));
    if (json.contains("servedPorts"))
        record.served_ports = json.at("servedPorts").get<std::vector<std::uint16_t>>();
    for (const Json& mount : json.at("mounts")) record.mounts.push_back(mount_from(mount));
    if (json.contains("secrets"))
        for (const Json& one : json.at("secrets")) record.secrets.push_back(secret_from(one));
    if (json.contains("configLinks"))
        for (const Json& one : json.at("configLinks"))
            record.config_links.push_back({one.at("source"), one.at("name")});
    record.network = network_from(json.at("network"));
    if (json.contains("networks"))
        for (const Json& one : json.at("networks")) record.networks.push_back(endpoint_from(one));
    read_options(json.at("options"), record);
    if (json.at("version") == kStrictVersion) read_sandbox(json.at("sandbox"), record);
    if (json.contains("ids")) record.ids = ids_from(json.at("ids"));
    if (json.contains("settings")) record.settings = settings_from(json.at("settings"));
    record.warnings = json.at("warnings").get<std::vector<std::string>>();
    read_wanted(json, record);
    return record;
}

Json options_to_json(const Record& record) {
    return {{"terminal", record.terminal},
            {"interactive", record.interactive},
            {"remove", record.remove},
            {"init", record.init},
            {"readOnly", record.read_only},
            {"stopSignal", record.stop_signal},
            {"stopTimeout", record.stop_timeout},
            {"nanoCpus", record.nano_cpus},
            {"memory", record.memory},
            {"memorySwap", record.memory_swap},
            {"shmSize", record.shm_size},
            {"pidsLimit", record.pids_limit},
            {"cgroupsPath", record.cgroups_path}};
}

Json wanted_to_json(const Record& record) {
    Json json = {{"ports", list_to_json(record.wanted_ports)},
                 {"gpus", record.gpus},
                 {"devices", record.devices}};
    Json spec = Json::parse(record.spec_without_devices, nullptr, false);
    if (!spec.is_discarded()) json["spec"] = std::move(spec);
    return json;
}

}  // namespace

std::optional<runtime::Confinement> confinement_of(const Record& record) {
    if (record.sandbox != "strict") return std::nullopt;
    return runtime::Confinement{record.writable, record.bind_ports};
}

std::string own_address(const Record& record) {
    return record.kind == Kind::native ? "127.0.0.1" : record.network.address;
}

std::uint16_t own_port(const PublishedPort& port) {
    return port.worker_port == 0 ? port.container_port : port.worker_port;
}

std::vector<PublishedPort> published_ports(const Record& record) {
    std::vector<PublishedPort> all = record.ports;
    all.insert(all.end(), record.gateway_ports.begin(), record.gateway_ports.end());
    return all;
}

std::string shown_name(const Record& record) {
    return record.name.empty() ? record.id.substr(0, kShortIdLength) : record.name;
}

std::string serialize(const Record& record) {
    bool strict = record.sandbox != "default";
    Json json = {{"version", strict ? kStrictVersion : kVersion},
                 {"id", record.id},
                 {"name", record.name},
                 {"kind", record.kind == Kind::native ? "native" : "container"},
                 {"created", record.created_ns},
                 {"image", record.image},
                 {"imageId", record.image_id},
                 {"args", record.args},
                 {"entrypoint", record.entrypoint},
                 {"hostname", record.hostname},
                 {"user", record.user},
                 {"workingDir", record.working_dir},
                 {"env", record.env},
                 {"labels", record.labels},
                 {"ports", list_to_json(record.ports)},
                 {"mounts", list_to_json(record.mounts)},
                 {"network", to_json(record.network)},
                 {"options", options_to_json(record)},
                 {"warnings", record.warnings}};
    if (strict)
        json["sandbox"] = {{"level", record.sandbox},
                           {"writable", record.writable},
                           {"bindPorts", record.bind_ports},
                           {"landlock", record.landlock}};
    if (record.ids)
        json["ids"] = {{"uid", record.ids->range.uid},
                       {"gid", record.ids->range.gid},
                       {"size", record.ids->range.size},
                       {"block", record.ids->block},
                       {"blocks", record.ids->blocks}};
    if (record.settings != Settings{}) json["settings"] = to_json(record.settings);
    if (!record.secrets.empty()) json["secrets"] = list_to_json(record.secrets);
    if (!record.config_links.empty()) json["configLinks"] = list_to_json(record.config_links);
    if (!record.networks.empty()) json["networks"] = list_to_json(record.networks);
    if (!record.gateway_ports.empty()) json["gatewayPorts"] = list_to_json(record.gateway_ports);
    if (!record.served_ports.empty()) json["servedPorts"] = record.served_ports;
    json["wanted"] = wanted_to_json(record);
    json["restart"] = restart_to_json(record);
    if (record.health) json["health"] = to_json(*record.health);
    if (record.unhealthy_restarts != 0) json["unhealthyRestarts"] = record.unhealthy_restarts;
    // Arguments and variables may be any bytes; a record is text.
    std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    // The configuration is a document already: to read it and to write it again is a quarter of
    // what a start computes.
    text.back() = ',';
    return text + R"("spec":)" + (record.spec.empty() ? "{}" : record.spec) + "}\n";
}

// The configuration is the most of a record, and few who read one need it: it stays text, and who
// reads that finds out whether it is one.
Result<Record> parse_record(std::string_view json) {
    auto spec = find_object_member(json, "spec");
    if (!spec)
        return fail(Code::corrupt, "the record of a container has no configuration, or is cut off");
    try {
        std::string rest(json.substr(0, spec->begin));
        rest += "{}";
        rest += json.substr(spec->begin + spec->size);
        Json document = Json::parse(rest);
        if (int version = document.at("version"); version != kVersion && version != kStrictVersion)
            return fail(Code::corrupt, "the record of a container has version " +
                                           std::to_string(version) + ", this crank knows " +
                                           std::to_string(kStrictVersion));
        Record record = record_from(document);
        record.spec = json.substr(spec->begin, spec->size);
        return record;
    } catch (const nlohmann::json::exception& e) {
        return fail(Code::corrupt, std::string("the record of a container: ") + e.what());
    }
}

}  // namespace crank::engine
