#include "compose/schema_parts.h"

#include "compose/short_forms.h"

namespace crank::compose {
namespace {

using enum Shape;
constexpr Support kWarned = Support::warned, kRead = Support::read;
constexpr Keep kPresent = Keep::present;
constexpr Keep kAlways = Keep::always;

constexpr FieldSpec kUlimitFields[] = {
    {.name = "soft", .shape = integer, .required = true},
    {.name = "hard", .shape = integer, .required = true},
};

constexpr FieldSpec kFileReferenceFields[] = {
    {.name = "source"},
    {.name = "target"},
    {.name = "uid"},
    {.name = "gid"},
    {.name = "mode", .shape = mode, .keep = kPresent},
};

constexpr FieldSpec kBindFields[] = {
    {.name = "propagation", .support = kRead},
    {.name = "create_host_path", .shape = boolean, .keep = kPresent},
    {.name = "recursive", .choices = "enabled|disabled|writable|readonly"},
    {.name = "selinux", .support = kWarned, .choices = "z|Z"},
};
constexpr ObjectSpec kBind = {.what = "a bind mount", .fields = kBindFields};

constexpr FieldSpec kVolumeOptionFields[] = {
    {.name = "labels", .shape = labels},
    {.name = "nocopy", .shape = boolean},
    {.name = "subpath", .support = kRead},
};
constexpr ObjectSpec kVolumeOptions = {.what = "a volume's mount", .fields = kVolumeOptionFields};

constexpr FieldSpec kTmpfsFields[] = {
    {.name = "size", .shape = bytes, .natural = true},
    {.name = "mode", .shape = integer, .natural = true},
};
constexpr ObjectSpec kTmpfs = {.what = "a tmpfs", .fields = kTmpfsFields};

constexpr FieldSpec kImageFields[] = {{.name = "subpath"}};
constexpr ObjectSpec kImage = {.what = "an image's mount", .fields = kImageFields};

constexpr FieldSpec kMountFields[] = {
    {.name = "type", .required = true, .choices = "bind|volume|tmpfs|cluster|npipe|image"},
    {.name = "source"},
    {.name = "target"},
    {.name = "read_only", .shape = boolean},
    {.name = "consistency", .support = kWarned},
    {.name = "bind", .shape = object, .of = &kBind, .keep = kPresent},
    {.name = "volume", .shape = object, .of = &kVolumeOptions, .keep = kPresent},
    {.name = "tmpfs", .shape = object, .of = &kTmpfs, .keep = kPresent},
    {.name = "image", .shape = object, .of = &kImage, .support = kRead, .keep = kPresent},
};

constexpr FieldSpec kPortFields[] = {
    {.name = "name", .support = kRead},
    {.name = "mode"},
    {.name = "host_ip"},
    {.name = "target", .shape = integer},
    {.name = "published", .shape = word},
    {.name = "protocol"},
    {.name = "app_protocol"},
};

constexpr FieldSpec kDeviceFields[] = {
    {.name = "source", .required = true},
    {.name = "target"},
    {.name = "permissions"},
};

constexpr FieldSpec kDeviceRequestFields[] = {
    {.name = "capabilities", .shape = texts},
    {.name = "driver"},
    {.name = "count", .shape = count},
    {.name = "device_ids", .shape = texts},
    {.name = "options", .shape = labels, .support = kRead},
};

constexpr FieldSpec kBuildFields[] = {
    {.name = "context"},
    {.name = "dockerfile"},
    {.name = "dockerfile_inline"},
    {.name = "entitlements", .shape = texts, .support = kWarned},
    {.name = "args", .shape = pairs},
    {.name = "provenance", .shape = word, .support = kWarned},
    {.name = "sbom", .shape = word, .support = kWarned},
    {.name = "ssh", .shape = ssh},
    {.name = "labels", .shape = labels},
    {.name = "cache_from", .shape = texts, .support = kRead},
    {.name = "cache_to", .shape = texts, .support = kRead},
    {.name = "no_cache", .shape = boolean},
    {.name = "no_cache_filter", .shape = text_or_texts},
    {.name = "additional_contexts", .shape = labels, .valued = true},
    {.name = "pull", .shape = boolean},
    {.name = "extra_hosts", .shape = hosts},
    {.name = "isolation", .support = kWarned},
    {.name = "network"},
    {.name = "target"},
    {.name = "secrets", .shape = objects, .of = &kFileReference, .key = Key::file},
    {.name = "shm_size", .shape = bytes},
    {.name = "tags", .shape = texts, .key = Key::name},
    {.name = "ulimits", .shape = number_or, .of = &kUlimit},
    {.name = "platforms", .shape = texts, .support = kRead},
    {.name = "privileged", .shape = boolean, .support = kWarned},
};

constexpr FieldSpec kHealthcheckFields[] = {
    {.name = "test", .shape = test, .replaces = true},
    {.name = "timeout", .shape = duration, .keep = kPresent},
    {.name = "interval", .shape = duration, .keep = kPresent},
    {.name = "retries", .shape = integer, .keep = kPresent, .natural = true},
    {.name = "start_period", .shape = duration, .keep = kPresent},
    {.name = "start_interval", .shape = duration, .keep = kPresent},
    {.name = "disable", .shape = boolean},
};

constexpr FieldSpec kHookFields[] = {
    {.name = "command",
     .shape = command,
     .keep = kAlways,
     .replaces = true,
     .required = true,
     .nullable = true},
    {.name = "user"},
    {.name = "privileged", .shape = boolean, .support = kRead},
    {.name = "working_dir"},
    {.name = "environment", .shape = pairs},
};

constexpr FieldSpec kWatchFields[] = {
    {.name = "path", .keep = kAlways, .required = true},
    {.name = "action",
     .keep = kAlways,
     .required = true,
     .choices = "rebuild|sync|restart|sync+restart|sync+exec"},
    {.name = "target"},
    {.name = "exec", .shape = object, .of = &kHook, .keep = kAlways},
    {.name = "include", .shape = text_or_texts},
    {.name = "ignore", .shape = text_or_texts},
    {.name = "initial_sync", .shape = boolean},
};
constexpr ObjectSpec kWatch = {.what = "a watch", .fields = kWatchFields};
constexpr FieldSpec kDevelopFields[] = {{.name = "watch", .shape = objects, .of = &kWatch}};

constexpr FieldSpec kUpdateFields[] = {
    {.name = "parallelism", .shape = integer, .keep = kPresent, .natural = true},
    {.name = "delay", .shape = duration},
    {.name = "failure_action", .choices = "continue|pause|rollback"},
    {.name = "monitor", .shape = duration},
    {.name = "max_failure_ratio", .shape = number},
    {.name = "order", .choices = "start-first|stop-first"},
};
constexpr ObjectSpec kUpdate = {.what = "an update", .fields = kUpdateFields};
constexpr FieldSpec kBackFields[] = {
    {.name = "parallelism", .shape = integer, .keep = kPresent, .natural = true},
    {.name = "delay", .shape = duration},
    {.name = "failure_action", .choices = "continue|pause"},
    {.name = "monitor", .shape = duration},
    {.name = "max_failure_ratio", .shape = number},
    {.name = "order", .choices = "start-first|stop-first"},
};
constexpr ObjectSpec kBack = {.what = "a rollback", .fields = kBackFields};

constexpr FieldSpec kDiscreteFields[] = {
    {.name = "kind", .keep = kAlways},
    {.name = "value", .shape = integer, .keep = kAlways},
};
constexpr ObjectSpec kDiscrete = {.what = "a resource", .fields = kDiscreteFields};
constexpr FieldSpec kGenericFields[] = {
    {.name = "discrete_resource_spec", .shape = object, .of = &kDiscrete, .keep = kPresent},
};
constexpr ObjectSpec kGeneric = {.what = "a generic resource", .fields = kGenericFields};

constexpr FieldSpec kLimitFields[] = {
    {.name = "cpus", .shape = number},
    {.name = "memory", .shape = bytes},
    {.name = "pids", .shape = integer},
};
constexpr ObjectSpec kLimits = {.what = "limits", .fields = kLimitFields};
constexpr FieldSpec kReservationFields[] = {
    {.name = "cpus", .shape = number, .support = kWarned},
    {.name = "memory", .shape = bytes},
    {.name = "devices", .shape = objects, .of = &kDeviceRequest},
    {.name = "generic_resources", .shape = objects, .of = &kGeneric, .support = kWarned},
};
constexpr ObjectSpec kReservations = {.what = "reservations", .fields = kReservationFields};
constexpr FieldSpec kResourceFields[] = {
    {.name = "limits", .shape = object, .of = &kLimits, .keep = kPresent},
    {.name = "reservations", .shape = object, .of = &kReservations, .keep = kPresent},
};
constexpr ObjectSpec kResources = {.what = "resources", .fields = kResourceFields};

constexpr FieldSpec kRestartFields[] = {
    {.name = "condition"},
    {.name = "delay", .shape = duration, .support = kRead, .keep = kPresent},
    {.name = "max_attempts", .shape = integer, .keep = kPresent, .natural = true},
    {.name = "window", .shape = duration, .support = kRead, .keep = kPresent},
};
constexpr ObjectSpec kRestart = {.what = "a restart policy", .fields = kRestartFields};

constexpr FieldSpec kPreferenceFields[] = {{.name = "spread"}};
constexpr ObjectSpec kPreference = {.what = "a preference", .fields = kPreferenceFields};
constexpr FieldSpec kPlacementFields[] = {
    {.name = "constraints", .shape = texts},
    {.name = "preferences", .shape = objects, .of = &kPreference},
    {.name = "max_replicas_per_node", .shape = integer, .natural = true},
};
constexpr ObjectSpec kPlacement = {.what = "a placement", .fields = kPlacementFields};

constexpr FieldSpec kDeployFields[] = {
    {.name = "mode", .support = kWarned},
    {.name = "replicas", .shape = integer, .keep = kPresent},
    {.name = "labels", .shape = labels, .support = kRead},
    {.name = "update_config", .shape = object, .of = &kUpdate, .keep = kPresent},
    {.name = "rollback_config", .shape = object, .of = &kBack, .keep = kPresent},
    {.name = "resources", .shape = object, .of = &kResources, .keep = kAlways},
    {.name = "restart_policy", .shape = object, .of = &kRestart, .keep = kPresent},
    {.name = "placement", .shape = object, .of = &kPlacement, .support = kWarned, .keep = kAlways},
    {.name = "endpoint_mode", .choices = "vip|dnsrr"},
};

}  // namespace

constinit const ObjectSpec kUlimit = {.what = "a ulimit", .fields = kUlimitFields};
constinit const ObjectSpec kFileReference = {
    .what = "a reference", .fields = kFileReferenceFields, .short_field = "source"};
constinit const ObjectSpec kMount = {
    .what = "a volume", .fields = kMountFields, .expand = expand_mount};
constinit const ObjectSpec kPort = {.what = "a port", .fields = kPortFields, .expand = expand_port};
constinit const ObjectSpec kDevice = {
    .what = "a device", .fields = kDeviceFields, .expand = expand_device};
constinit const ObjectSpec kDeviceRequest = {
    .what = "a device request", .fields = kDeviceRequestFields, .expand = expand_gpus};
constinit const ObjectSpec kBuild = {
    .what = "a build", .fields = kBuildFields, .short_field = "context"};
constinit const ObjectSpec kHealthcheck = {.what = "a health check", .fields = kHealthcheckFields};
constinit const ObjectSpec kHook = {.what = "a hook", .fields = kHookFields};
constinit const ObjectSpec kDevelop = {.what = "develop", .fields = kDevelopFields};
constinit const ObjectSpec kDeploy = {.what = "a deployment", .fields = kDeployFields};

}  // namespace crank::compose
