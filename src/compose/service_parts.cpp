#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "compose/service_reader.h"

namespace crank::compose {

std::vector<std::string> texts_of(const Node& node, std::string_view field) {
    std::vector<std::string> texts;
    for (const Node& item : items_of(node, field)) texts.push_back(scalar_text(item));
    return texts;
}

std::map<std::string, std::string> map_of(const Node& node, std::string_view field) {
    std::map<std::string, std::string> map;
    for (const Field& entry : entries_of(node, field)) map[entry.key] = scalar_text(entry.value);
    return map;
}

bool flag_of(const Node& node, std::string_view field, bool otherwise) {
    const Node* value = node.find(field);
    return value != nullptr && value->is(Kind::boolean) ? value->flag : otherwise;
}

std::optional<std::int64_t> number_of(const Node& node, std::string_view field) {
    const Node* value = node.find(field);
    if (value == nullptr || !value->is(Kind::integer)) return std::nullopt;
    return value->number;
}

std::optional<std::int64_t> bytes_of(const Node& node, std::string_view field) {
    const Node* value = node.find(field);
    if (value == nullptr || value->is_null()) return std::nullopt;
    return parse_int(scalar_text(*value));
}

std::chrono::nanoseconds time_of(const Node& node, std::string_view field) {
    // Of a kind that was checked.
    return parse_duration(node.text_of(field)).value_or(std::chrono::nanoseconds{0});
}

const std::vector<Field>& entries_of(const Node& node, std::string_view field) {
    static const std::vector<Field> kNone;
    const Node* map = node.find(field);
    return map == nullptr ? kNone : map->fields;
}

const std::vector<Node>& items_of(const Node& node, std::string_view field) {
    static const std::vector<Node> kNone;
    const Node* list = node.find(field);
    return list == nullptr ? kNone : list->items;
}

const Node* at_path(const Node& node, std::string_view path) {
    const Node* at = &node;
    for (const std::string& part : split(path, '.')) {
        at = at->find(part);
        if (at == nullptr) return nullptr;
    }
    return at;
}

namespace {

Mount read_bind(const Node& node, Mount mount) {
    mount.type = Mount::Type::bind;
    const Node* bind = node.find("bind");
    if (bind == nullptr) return mount;
    mount.create_source = flag_of(*bind, "create_host_path", true);
    mount.recursive = bind->text_of("recursive") != "disabled";
    return mount;
}

Mount read_volume(const Node& node, Mount mount) {
    mount.type = Mount::Type::volume;
    const Node* volume = node.find("volume");
    if (volume == nullptr) return mount;
    mount.copy = !flag_of(*volume, "nocopy");
    mount.labels = map_of(*volume, "labels");
    return mount;
}

Mount read_tmpfs(const Node& node, Mount mount) {
    mount.type = Mount::Type::tmpfs;
    const Node* tmpfs = node.find("tmpfs");
    if (tmpfs == nullptr) return mount;
    mount.size = bytes_of(*tmpfs, "size");
    mount.mode = number_of(*tmpfs, "mode");
    return mount;
}

}  // namespace

Result<std::vector<Mount>> read_mounts(const Node& service, const std::string& path,
                                       const Diagnostics& diagnostics) {
    std::vector<Mount> mounts;
    for (const Node& node : items_of(service, "volumes")) {
        std::string type = node.text_of("type");
        Mount mount{.source = node.text_of("source"),
                    .target = node.text_of("target"),
                    .read_only = flag_of(node, "read_only"),
                    .labels = {},
                    .at = node.at};
        if (type == "bind")
            mounts.push_back(read_bind(node, std::move(mount)));
        else if (const Node* part = at_path(node, "volume.subpath"); part != nullptr)
            return diagnostics.error(part->at, path + ".volumes",
                                     "crank mounts no part of a volume: the whole one would be "
                                     "there in its place",
                                     "a volume of its own, or a bind mount");
        else if (type == "volume")
            mounts.push_back(read_volume(node, std::move(mount)));
        else if (type == "tmpfs")
            mounts.push_back(read_tmpfs(node, std::move(mount)));
        else
            return diagnostics.error(node.at, path + ".volumes",
                                     "crank has no mounts of type " + type);
    }
    return mounts;
}

std::vector<std::pair<std::string, std::string>> read_hosts(const Node& node) {
    std::vector<std::pair<std::string, std::string>> hosts;
    for (const Field& host : entries_of(node, "extra_hosts")) {
        if (host.value.is_scalar()) hosts.emplace_back(host.key, scalar_text(host.value));
        for (const Node& address : host.value.items)
            hosts.emplace_back(host.key, scalar_text(address));
    }
    return hosts;
}

std::vector<Ulimit> read_ulimits(const Node& node) {
    std::vector<Ulimit> ulimits;
    for (const Field& entry : entries_of(node, "ulimits")) {
        std::int64_t both = entry.value.number;
        ulimits.push_back({entry.key, number_of(entry.value, "soft").value_or(both),
                           number_of(entry.value, "hard").value_or(both)});
    }
    return ulimits;
}

std::optional<Build> read_build(const Node& service) {
    const Node* node = service.find("build");
    if (node == nullptr || !node->is_map()) return std::nullopt;
    Build build{.context = node->text_of("context"),
                .dockerfile = node->text_of("dockerfile"),
                .target = node->text_of("target"),
                .network = node->text_of("network"),
                .args = map_of(*node, "args"),
                .labels = map_of(*node, "labels"),
                .contexts = map_of(*node, "additional_contexts"),
                .tags = texts_of(*node, "tags"),
                .hosts = read_hosts(*node),
                .ulimits = read_ulimits(*node),
                .shm_size = bytes_of(*node, "shm_size"),
                .no_cache_stages = texts_of(*node, "no_cache_filter"),
                .no_cache = flag_of(*node, "no_cache"),
                .pull = flag_of(*node, "pull"),
                .at = node->at};
    if (const Node* text = node->find("dockerfile_inline")) build.dockerfile_inline = text->text;
    for (const Field& agent : entries_of(*node, "ssh"))
        build.ssh.emplace_back(agent.key, scalar_text(agent.value));
    for (const Node& secret : items_of(*node, "secrets")) {
        std::string id = secret.text_of("target"), key = secret.text_of("source");
        build.secret_ids.emplace_back(id.empty() ? key : id, key);
    }
    return build;
}

std::optional<Health> read_health(const Node& service) {
    const Node* node = service.find("healthcheck");
    if (node == nullptr || !node->is_map()) return std::nullopt;
    Health health{.test = texts_of(*node, "test"),
                  .interval = time_of(*node, "interval"),
                  .timeout = time_of(*node, "timeout"),
                  .start_period = time_of(*node, "start_period"),
                  .start_interval = time_of(*node, "start_interval"),
                  .retries = number_of(*node, "retries").value_or(0),
                  .disabled = flag_of(*node, "disable")};
    if (!health.test.empty() && health.test[0] == "NONE") health.disabled = true;
    return health;
}

namespace {

// 0 is none.
std::optional<std::int64_t> cpus_of(const Node* node) {
    if (node == nullptr || node->is_null()) return std::nullopt;
    auto cpus = parse_cpus(scalar_text(*node));
    if (!cpus) return std::nullopt;
    return *cpus;
}

std::optional<std::int64_t> first_of(std::optional<std::int64_t> a, std::optional<std::int64_t> b) {
    return a ? a : b;
}

}  // namespace

Limits read_limits(const Node& service) {
    static const Node kNone;
    const Node* limits = at_path(service, "deploy.resources.limits");
    const Node* reserved = at_path(service, "deploy.resources.reservations");
    if (limits == nullptr) limits = &kNone;
    if (reserved == nullptr) reserved = &kNone;
    const Node* cpus = service.find("cpus");
    return {.nano_cpus = cpus_of(cpus != nullptr ? cpus : limits->find("cpus")),
            .memory = first_of(bytes_of(service, "mem_limit"), bytes_of(*limits, "memory")),
            .memory_reservation =
                first_of(bytes_of(service, "mem_reservation"), bytes_of(*reserved, "memory")),
            .memory_swap = bytes_of(service, "memswap_limit"),
            .pids = first_of(number_of(service, "pids_limit"), number_of(*limits, "pids")),
            .shm_size = bytes_of(service, "shm_size"),
            .cpu_shares = number_of(service, "cpu_shares"),
            .cpuset = service.text_of("cpuset")};
}

std::vector<GpuRequest> read_gpus(const Node& service) {
    std::vector<GpuRequest> requests;
    auto add = [&](const Node& node) {
        requests.push_back({.count = number_of(node, "count").value_or(0),
                            .driver = node.text_of("driver"),
                            .ids = texts_of(node, "device_ids"),
                            .capabilities = texts_of(node, "capabilities")});
    };
    for (const Node& node : items_of(service, "gpus")) add(node);
    if (const Node* reserved = at_path(service, "deploy.resources.reservations"))
        for (const Node& node : items_of(*reserved, "devices")) add(node);
    return requests;
}

namespace {

// "0440": octal, whatever it was written as.
std::optional<std::int64_t> mode_of(const Node& node) {
    const Node* mode = node.find("mode");
    if (mode == nullptr || mode->is_null()) return std::nullopt;
    if (mode->is(Kind::integer)) return mode->number;
    std::int64_t value = 0;
    for (char c : mode->text) value = value * 8 + (c - '0');
    return value;
}

}  // namespace

std::vector<FileUse> read_files(const Node& service) {
    std::vector<FileUse> files;
    auto add = [&](std::string_view field, FileUse::Kind kind, const std::string& place) {
        for (const Node& node : items_of(service, field)) {
            FileUse use{.kind = kind,
                        .key = node.text_of("source"),
                        .target = node.text_of("target"),
                        .uid = node.text_of("uid"),
                        .gid = node.text_of("gid"),
                        .mode = mode_of(node),
                        .at = node.at};
            if (use.target.empty()) use.target = place + use.key;
            if (!use.target.starts_with('/')) use.target.insert(0, place);
            files.push_back(std::move(use));
        }
    };
    add("secrets", FileUse::Kind::secret, "/run/secrets/");
    add("configs", FileUse::Kind::config, "/");
    return files;
}

std::string read_restart(const Node& service) {
    std::string own = service.text_of("restart");
    if (!own.empty()) return own;
    const Node* policy = at_path(service, "deploy.restart_policy");
    if (policy == nullptr || !policy->is_map()) return "no";
    std::string condition = policy->text_of("condition");
    if (condition == "none") return "no";
    if (condition != "on-failure") return "always";
    auto most = number_of(*policy, "max_attempts");
    return most && *most > 0 ? "on-failure:" + std::to_string(*most) : "on-failure";
}

}  // namespace crank::compose
