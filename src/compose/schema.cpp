#include "compose/schema.h"

#include <algorithm>

#include "compose/schema_parts.h"

namespace crank::compose {
namespace {

using enum Shape;
constexpr Support kWarned = Support::warned, kRead = Support::read;
constexpr Keep kPresent = Keep::present;
constexpr Keep kAlways = Keep::always;

constexpr FieldSpec kRateFields[] = {
    {.name = "path", .keep = kAlways},
    {.name = "rate", .shape = bytes, .keep = kAlways},
};
constexpr ObjectSpec kRate = {.what = "a device's limit", .fields = kRateFields, .capitals = true};
constexpr FieldSpec kWeightFields[] = {
    {.name = "path", .keep = kAlways},
    {.name = "weight", .shape = integer, .keep = kAlways, .natural = true},
};
constexpr ObjectSpec kWeight = {
    .what = "a device's weight", .fields = kWeightFields, .capitals = true};
constexpr FieldSpec kBlkioFields[] = {
    {.name = "weight", .shape = integer, .natural = true},
    {.name = "weight_device", .shape = objects, .of = &kWeight},
    {.name = "device_read_bps", .shape = objects, .of = &kRate},
    {.name = "device_read_iops", .shape = objects, .of = &kRate},
    {.name = "device_write_bps", .shape = objects, .of = &kRate},
    {.name = "device_write_iops", .shape = objects, .of = &kRate},
};
constexpr ObjectSpec kBlkio = {.what = "block I/O limits", .fields = kBlkioFields};

constexpr FieldSpec kCredentialFields[] = {
    {.name = "config"}, {.name = "file"}, {.name = "registry"}};
constexpr ObjectSpec kCredential = {.what = "credentials", .fields = kCredentialFields};

constexpr FieldSpec kEnvFileFields[] = {
    {.name = "path", .required = true},
    {.name = "required", .shape = boolean, .keep = kAlways},
    {.name = "format"},
};
constexpr ObjectSpec kEnvFile = {
    .what = "an env_file", .fields = kEnvFileFields, .short_field = "path"};

constexpr FieldSpec kLoggingFields[] = {
    {.name = "driver"},
    {.name = "options", .shape = options},
};
constexpr ObjectSpec kLogging = {.what = "logging", .fields = kLoggingFields};

constexpr FieldSpec kServiceModelFields[] = {{.name = "endpoint_var"}, {.name = "model_var"}};
constexpr ObjectSpec kServiceModel = {
    .what = "a service's model", .fields = kServiceModelFields, .names_as_list = true};

constexpr FieldSpec kServiceNetworkFields[] = {
    {.name = "aliases", .shape = texts, .key = Key::name},
    {.name = "driver_opts", .shape = options, .support = kWarned, .valued = true},
    {.name = "gw_priority", .shape = integer, .support = kWarned},
    {.name = "interface_name", .support = kWarned},
    {.name = "ipv4_address"},
    {.name = "ipv6_address"},
    {.name = "link_local_ips", .shape = texts, .support = kWarned, .key = Key::name},
    {.name = "mac_address", .support = kWarned},
    {.name = "priority", .shape = integer},
    {.name = "use_service_name_alias", .shape = boolean, .support = kWarned, .keep = kPresent},
};
constexpr ObjectSpec kServiceNetwork = {
    .what = "a service's network", .fields = kServiceNetworkFields, .names_as_list = true};

constexpr FieldSpec kContainerFields[] = {
    {.name = "annotations", .shape = labels},
    {.name = "blkio_config", .shape = object, .of = &kBlkio, .support = kWarned, .keep = kPresent},
    {.name = "cap_add", .shape = texts, .key = Key::name},
    {.name = "cap_drop", .shape = texts, .key = Key::name},
    {.name = "cgroup", .support = kWarned, .choices = "host|private"},
    {.name = "cgroup_parent", .support = kWarned},
    {.name = "command", .shape = command, .keep = kAlways, .replaces = true, .nullable = true},
    {.name = "configs", .shape = objects, .of = &kFileReference, .key = Key::file},
    {.name = "cpu_count", .shape = integer, .support = kWarned},
    {.name = "cpu_percent", .shape = number, .support = kWarned},
    {.name = "cpu_period", .shape = integer, .support = kWarned},
    {.name = "cpu_quota", .shape = integer, .support = kWarned},
    {.name = "cpu_rt_period", .shape = integer, .support = kWarned},
    {.name = "cpu_rt_runtime", .shape = integer, .support = kWarned},
    {.name = "cpu_shares", .shape = integer},
    {.name = "cpus", .shape = number},
    {.name = "cpuset"},
    {.name = "credential_spec",
     .shape = object,
     .of = &kCredential,
     .support = kWarned,
     .keep = kPresent},
    {.name = "device_cgroup_rules", .shape = texts},
    {.name = "devices", .shape = objects, .of = &kDevice, .key = Key::target},
    {.name = "dns", .shape = text_or_texts, .key = Key::name},
    {.name = "dns_opt", .shape = texts, .key = Key::name},
    {.name = "dns_search", .shape = text_or_texts, .key = Key::name},
    {.name = "domainname"},
    {.name = "entrypoint", .shape = command, .keep = kAlways, .replaces = true, .nullable = true},
    {.name = "env_file", .shape = objects, .of = &kEnvFile, .key = Key::path},
    {.name = "environment", .shape = pairs},
    {.name = "extra_hosts", .shape = hosts},
    {.name = "gpus", .shape = objects, .of = &kDeviceRequest},
    {.name = "group_add", .shape = words},
    {.name = "hostname"},
    {.name = "image"},
    {.name = "init", .shape = boolean, .keep = kPresent},
    {.name = "ipc"},
    {.name = "isolation", .support = kWarned},
    {.name = "label_file", .shape = text_or_texts},
    {.name = "labels", .shape = labels},
    {.name = "logging", .shape = object, .of = &kLogging, .keep = kPresent},
    {.name = "mac_address", .support = kWarned},
    {.name = "mem_limit", .shape = bytes},
    {.name = "mem_reservation", .shape = bytes},
    {.name = "mem_swappiness", .shape = bytes, .support = kWarned},
    {.name = "memswap_limit", .shape = bytes},
    {.name = "models", .shape = named, .of = &kServiceModel, .support = kWarned},
    {.name = "network_mode"},
    {.name = "networks", .shape = named, .of = &kServiceNetwork},
    {.name = "oom_kill_disable", .shape = boolean, .support = kWarned},
    {.name = "oom_score_adj", .shape = integer},
    {.name = "pid"},
    {.name = "pids_limit", .shape = integer},
    {.name = "platform", .support = kRead},
    {.name = "privileged", .shape = boolean},
    {.name = "pull_policy", .rule = &kPullPolicy},
    {.name = "pull_refresh_after", .support = kWarned},
    {.name = "read_only", .shape = boolean},
    {.name = "runtime"},
    {.name = "secrets", .shape = objects, .of = &kFileReference, .key = Key::file},
    {.name = "security_opt", .shape = texts},
    {.name = "shm_size", .shape = bytes},
    {.name = "stop_grace_period", .shape = duration, .keep = kPresent},
    {.name = "stop_signal"},
    {.name = "storage_opt", .shape = options, .support = kWarned},
    {.name = "sysctls", .shape = labels},
    {.name = "tmpfs", .shape = text_or_texts, .key = Key::name},
    {.name = "ulimits", .shape = number_or, .of = &kUlimit},
    {.name = "umask",
     .shape = integer,
     .support = kWarned,
     .keep = kPresent,
     .nullable = true,
     .natural = true},
    {.name = "use_api_socket", .shape = boolean, .support = kWarned},
    {.name = "user"},
    {.name = "userns_mode"},
    {.name = "uts"},
    {.name = "volumes", .shape = objects, .of = &kMount, .key = Key::target},
    {.name = "volumes_from", .shape = texts},
    {.name = "working_dir"},
};

constexpr FieldSpec kDependencyFields[] = {
    {.name = "condition",
     .choices = "service_started|service_healthy|"
                "service_completed_successfully"},
    {.name = "restart", .shape = boolean},
    {.name = "required", .shape = boolean, .keep = kAlways},
};
constexpr ObjectSpec kDependency = {.what = "a dependency",
                                    .fields = kDependencyFields,
                                    .names_as_list = true,
                                    .has_content = true};

constexpr FieldSpec kWorkloadFields[] = {
    {.name = "build", .shape = object, .of = &kBuild, .keep = kPresent},
    {.name = "depends_on", .shape = named, .of = &kDependency},
    {.name = "expose", .shape = words, .key = Key::target},
    {.name = "healthcheck", .shape = object, .of = &kHealthcheck, .keep = kPresent},
    {.name = "ports", .shape = objects, .of = &kPort, .key = Key::port},
    {.name = "stdin_open", .shape = boolean},
    {.name = "tty", .shape = boolean},
};

constexpr FieldSpec kExtendsFields[] = {
    {.name = "service", .required = true},
    {.name = "file", .nullable = true},
};
constexpr ObjectSpec kExtends = {
    .what = "extends", .fields = kExtendsFields, .short_field = "service"};
constexpr FieldSpec kProviderFields[] = {
    {.name = "type", .required = true},
    {.name = "options", .shape = repeated},
};
constexpr ObjectSpec kProvider = {.what = "a provider", .fields = kProviderFields};
constexpr FieldSpec kPreStartFields[] = {{.name = "per_replica", .shape = boolean}};
constexpr ObjectSpec kPreStart = {
    .what = "a hook", .fields = kPreStartFields, .more = kContainerFields};

constexpr FieldSpec kServiceFields[] = {
    {.name = "attach", .shape = boolean, .keep = kPresent},
    {.name = "container_name", .rule = &kContainerName},
    {.name = "deploy", .shape = object, .of = &kDeploy, .keep = kPresent, .nullable = true},
    {.name = "develop", .shape = object, .of = &kDevelop, .keep = kPresent, .nullable = true},
    {.name = "extends", .shape = object, .of = &kExtends, .keep = kPresent},
    {.name = "external_links", .shape = texts, .support = kWarned},
    {.name = "links", .shape = texts, .support = kWarned, .key = Key::name},
    {.name = "post_start", .shape = objects, .of = &kHook},
    {.name = "pre_start", .shape = objects, .of = &kPreStart},
    {.name = "pre_stop", .shape = objects, .of = &kHook},
    {.name = "profiles", .shape = texts, .key = Key::name},
    {.name = "provider", .shape = object, .of = &kProvider, .support = kRead, .keep = kPresent},
    {.name = "restart"},
    {.name = "scale", .shape = integer, .keep = kPresent},
};
constexpr ObjectSpec kService = {.what = "a service",
                                 .fields = kServiceFields,
                                 .more = kWorkloadFields,
                                 .most = kContainerFields,
                                 .has_content = true};

constexpr FieldSpec kScheduleFields[] = {
    {.name = "cron", .required = true},
    {.name = "timezone"},
    {.name = "concurrency", .choices = "forbid|queue"},
    {.name = "missed_fires", .choices = "one|skip"},
};
constexpr ObjectSpec kSchedule = {
    .what = "a schedule", .fields = kScheduleFields, .short_field = "cron"};
constexpr FieldSpec kTriggerFields[] = {
    {.name = "manual", .shape = boolean, .keep = kPresent},
    {.name = "schedule", .shape = objects, .of = &kSchedule},
};
constexpr ObjectSpec kTriggers = {.what = "triggers", .fields = kTriggerFields};
constexpr FieldSpec kJobFields[] = {
    {.name = "extends", .shape = object, .of = &kExtends, .keep = kPresent},
    {.name = "profiles", .shape = texts, .key = Key::name},
    {.name = "triggers", .shape = object, .of = &kTriggers, .keep = kPresent, .required = true},
};
constexpr ObjectSpec kJob = {
    .what = "a job", .fields = kJobFields, .more = kWorkloadFields, .most = kContainerFields};

constexpr FieldSpec kExternalFields[] = {{.name = "name"}};
constexpr ObjectSpec kExternal = {.what = "external", .fields = kExternalFields};

constexpr FieldSpec kPoolFields[] = {
    {.name = "subnet"},
    {.name = "ip_range"},
    {.name = "gateway"},
    {.name = "aux_addresses", .shape = options, .support = kWarned, .valued = true},
};
constexpr ObjectSpec kPool = {.what = "an address pool", .fields = kPoolFields};
constexpr FieldSpec kIpamFields[] = {
    {.name = "driver", .support = kWarned},
    {.name = "config", .shape = objects, .of = &kPool, .key = Key::subnet},
    {.name = "options", .shape = options, .support = kWarned, .valued = true},
};
constexpr ObjectSpec kIpam = {.what = "ipam", .fields = kIpamFields};
constexpr FieldSpec kNetworkFields[] = {
    {.name = "name"},
    {.name = "driver"},
    {.name = "driver_opts", .shape = options, .valued = true},
    {.name = "ipam", .shape = object, .of = &kIpam, .keep = kAlways},
    {.name = "external", .shape = flag_or, .of = &kExternal},
    {.name = "internal", .shape = boolean},
    {.name = "attachable", .shape = boolean, .support = kWarned},
    {.name = "enable_ipv4", .shape = boolean, .support = kWarned, .keep = kPresent},
    {.name = "enable_ipv6", .shape = boolean, .keep = kPresent},
    {.name = "labels", .shape = labels},
};
constexpr ObjectSpec kNetwork = {.what = "a network", .fields = kNetworkFields};

constexpr FieldSpec kVolumeFields[] = {
    {.name = "name"},
    {.name = "driver"},
    {.name = "driver_opts", .shape = options, .valued = true},
    {.name = "external", .shape = flag_or, .of = &kExternal},
    {.name = "labels", .shape = labels},
};
constexpr ObjectSpec kVolume = {.what = "a volume", .fields = kVolumeFields};

constexpr FieldSpec kSecretFields[] = {
    {.name = "name"},
    {.name = "file"},
    {.name = "environment"},
    {.name = "external", .shape = flag_or, .of = &kExternal},
    {.name = "labels", .shape = labels, .support = kRead},
    {.name = "driver", .support = kWarned},
    {.name = "driver_opts", .shape = options, .support = kWarned, .valued = true},
    {.name = "template_driver", .support = kWarned},
};
constexpr ObjectSpec kSecret = {.what = "a secret", .fields = kSecretFields};
constexpr FieldSpec kConfigFields[] = {
    {.name = "name"},
    {.name = "file"},
    {.name = "environment"},
    {.name = "content"},
    {.name = "external", .shape = flag_or, .of = &kExternal},
    {.name = "labels", .shape = labels, .support = kRead},
    {.name = "template_driver", .support = kWarned},
};
constexpr ObjectSpec kConfig = {.what = "a config", .fields = kConfigFields};

constexpr FieldSpec kModelFields[] = {
    {.name = "name"},
    {.name = "model", .required = true},
    {.name = "context_size", .shape = integer},
    {.name = "runtime_flags", .shape = texts},
};
constexpr ObjectSpec kModel = {.what = "a model", .fields = kModelFields, .has_content = true};

constexpr FieldSpec kIncludeFields[] = {
    {.name = "path", .shape = text_or_texts, .required = true},
    {.name = "env_file", .shape = text_or_texts},
    {.name = "project_directory"},
};
constexpr ObjectSpec kInclude = {
    .what = "an include", .fields = kIncludeFields, .short_field = "path"};

constexpr FieldSpec kProjectFields[] = {
    {.name = "version"},
    {.name = "name"},
    {.name = "include", .shape = objects, .of = &kInclude},
    {.name = "services", .shape = named, .of = &kService},
    {.name = "jobs", .shape = named, .of = &kJob, .support = kWarned},
    {.name = "networks", .shape = named, .of = &kNetwork},
    {.name = "volumes", .shape = named, .of = &kVolume},
    {.name = "secrets", .shape = named, .of = &kSecret},
    {.name = "configs", .shape = named, .of = &kConfig},
    {.name = "models", .shape = named, .of = &kModel, .support = kWarned},
};
constexpr ObjectSpec kProject = {.what = "a project", .fields = kProjectFields};

void list(const ObjectSpec& object, const std::string& prefix, Support outer,
          std::vector<ListedField>& out) {
    for (std::span<const FieldSpec> part : {object.fields, object.more, object.most})
        for (const FieldSpec& field : part) {
            std::string path = prefix + std::string(field.name);
            Support support = std::max(outer, field.support);
            out.push_back({path, &field, support});
            // A job's and a hook's are the service's.
            if (field.of == nullptr || field.of == &kJob || field.of == &kPreStart) continue;
            bool names = field.shape == named || field.shape == number_or;
            list(*field.of,
                 path + (names                    ? ".NAME."
                         : field.shape == objects ? "[]."
                                                  : "."),
                 support, out);
        }
}

}  // namespace

const ObjectSpec& project_schema() { return kProject; }
const ObjectSpec& service_schema() { return kService; }
const ObjectSpec& worker_schema() { return kWorker; }
std::span<const FieldSpec> container_fields() { return kContainerFields; }

const FieldSpec* find_field(const ObjectSpec& object, std::string_view name) {
    for (std::span<const FieldSpec> part : {object.fields, object.more, object.most})
        for (const FieldSpec& field : part)
            if (field.name == name) return &field;
    return nullptr;
}

std::vector<std::string_view> field_names(const ObjectSpec& object) {
    std::vector<std::string_view> names;
    for (std::span<const FieldSpec> part : {object.fields, object.more, object.most})
        for (const FieldSpec& field : part) names.push_back(field.name);
    return names;
}

std::vector<ListedField> all_fields() {
    std::vector<ListedField> fields;
    list(kProject, "", Support::full, fields);
    list(kWorker, "services.NAME.x-crank.", Support::full, fields);
    return fields;
}

}  // namespace crank::compose
