#include "oci/json_writer.h"
#include "oci/runtime_spec_linux.h"

namespace crank::oci {

namespace {

Json to_json(const User& user) {
    Json out{{"uid", user.uid}, {"gid", user.gid}};
    put(out, "umask", user.umask);
    put(out, "additionalGids", user.additional_gids);
    return out;
}

Json to_json(const CapabilitySets& sets) {
    Json out = Json::object();
    put(out, "bounding", sets.bounding);
    put(out, "effective", sets.effective);
    put(out, "permitted", sets.permitted);
    put(out, "inheritable", sets.inheritable);
    put(out, "ambient", sets.ambient);
    return out;
}

Json to_json(const Scheduler& scheduler) {
    Json out{{"policy", scheduler.policy}};
    put(out, "nice", scheduler.nice);
    put(out, "priority", scheduler.priority);
    put(out, "flags", scheduler.flags);
    put(out, "runtime", scheduler.runtime);
    put(out, "deadline", scheduler.deadline);
    put(out, "period", scheduler.period);
    return out;
}

Json to_json(const Hook& hook) {
    Json out{{"path", hook.path}};
    put(out, "args", hook.args);
    put(out, "env", hook.env);
    put(out, "timeout", hook.timeout);
    return out;
}

Json to_json(const Hooks& hooks) {
    Json out = Json::object();
    auto list = [&](const char* name, const std::vector<Hook>& hooks_of) {
        put_list(out, name, hooks_of, [](const Hook& hook) { return to_json(hook); });
    };
    list("prestart", hooks.prestart);
    list("createRuntime", hooks.create_runtime);
    list("createContainer", hooks.create_container);
    list("startContainer", hooks.start_container);
    list("poststart", hooks.poststart);
    list("poststop", hooks.poststop);
    return out;
}

Json to_json(const Process& process) {
    Json out{{"cwd", process.cwd},
             {"user", to_json(process.user)},
             {"noNewPrivileges", process.no_new_privileges}};
    if (process.terminal) out["terminal"] = true;
    if (process.console_rows != 0 || process.console_columns != 0)
        out["consoleSize"] = {{"height", process.console_rows}, {"width", process.console_columns}};
    put(out, "args", process.args);
    put(out, "env", process.env);
    put_object(out, "capabilities", to_json(process.capabilities));
    put_list(out, "rlimits", process.rlimits, [](const Rlimit& limit) -> Json {
        return {{"type", limit.type}, {"soft", limit.soft}, {"hard", limit.hard}};
    });
    put(out, "oomScoreAdj", process.oom_score_adj);
    if (process.scheduler) out["scheduler"] = to_json(*process.scheduler);
    if (process.io_priority)
        out["ioPriority"] = {{"class", process.io_priority->level},
                             {"priority", process.io_priority->priority}};
    if (const auto& affinity = process.exec_cpu_affinity) {
        out["execCPUAffinity"] = Json::object();
        put(out["execCPUAffinity"], "initial", affinity->initial);
        put(out["execCPUAffinity"], "final", affinity->final);
    }
    return out;
}

Json to_json(const IdMapping& mapping) {
    return {
        {"containerID", mapping.container_id}, {"hostID", mapping.host_id}, {"size", mapping.size}};
}

Json to_json(const Mount& mount) {
    Json out{{"destination", mount.destination}};
    put(out, "type", mount.type);
    put(out, "source", mount.source);
    put(out, "options", mount.options);
    put_list(out, "uidMappings", mount.uid_mappings, [](const IdMapping& m) { return to_json(m); });
    put_list(out, "gidMappings", mount.gid_mappings, [](const IdMapping& m) { return to_json(m); });
    return out;
}

Json to_json(const SeccompSyscall& call) {
    Json out{{"names", call.names}, {"action", call.action}};
    put(out, "errnoRet", call.errno_ret);
    put_list(out, "args", call.args, [](const SeccompArg& arg) {
        Json value{{"index", arg.index}, {"value", arg.value}, {"op", arg.op}};
        put(value, "valueTwo", arg.value_two);
        return value;
    });
    return out;
}

Json to_json(const Seccomp& seccomp) {
    Json out{{"defaultAction", seccomp.default_action}};
    put(out, "defaultErrnoRet", seccomp.default_errno_ret);
    put(out, "architectures", seccomp.architectures);
    put_list(out, "syscalls", seccomp.syscalls, [](const SeccompSyscall& c) { return to_json(c); });
    put(out, "flags", seccomp.flags);
    put(out, "listenerPath", seccomp.listener_path);
    put(out, "listenerMetadata", seccomp.listener_metadata);
    return out;
}

Json to_json(const Device& device) {
    Json out{{"path", device.path},
             {"type", device.type},
             {"fileMode", device.file_mode},
             {"uid", device.uid},
             {"gid", device.gid}};
    // A pipe has no numbers.
    if (device.type != "p") {
        out["major"] = device.major;
        out["minor"] = device.minor;
    }
    return out;
}

Json to_json(const Linux& part) {
    Json out = Json::object();
    put_list(out, "namespaces", part.namespaces, [](const Namespace& space) {
        Json value{{"type", space.type}};
        put(value, "path", space.path);
        return value;
    });
    for (const auto& [name, device] : part.net_devices) {
        Json& value = out["netDevices"][name] = Json::object();
        put(value, "name", device.name);
    }
    put_list(out, "uidMappings", part.uid_mappings, [](const IdMapping& m) { return to_json(m); });
    put_list(out, "gidMappings", part.gid_mappings, [](const IdMapping& m) { return to_json(m); });
    put_list(out, "devices", part.devices, [](const Device& d) { return to_json(d); });
    put_object(out, "resources", to_json(part.resources));
    put(out, "cgroupsPath", part.cgroups_path);
    put(out, "rootfsPropagation", part.rootfs_propagation);
    put(out, "maskedPaths", part.masked_paths);
    put(out, "readonlyPaths", part.readonly_paths);
    put(out, "sysctl", part.sysctl);
    if (part.seccomp) out["seccomp"] = to_json(*part.seccomp);
    if (part.personality) out["personality"] = {{"domain", *part.personality}};
    if (const auto& policy = part.memory_policy)
        out["memoryPolicy"] = {
            {"mode", policy->mode}, {"nodes", policy->nodes}, {"flags", policy->flags}};
    Json offsets = Json::object();
    for (auto [name, offset] : {std::pair{"monotonic", &part.monotonic_offset},
                                std::pair{"boottime", &part.boottime_offset}})
        if (*offset)
            offsets[name] = {{"secs", (*offset)->seconds}, {"nanosecs", (*offset)->nanoseconds}};
    put_object(out, "timeOffsets", std::move(offsets));
    return out;
}

}  // namespace

std::string serialize(const Process& process) { return text_of(to_json(process)); }

std::string serialize(const RuntimeSpec& spec) {
    Json out{{"ociVersion", spec.oci_version}};
    if (spec.has_process) out["process"] = to_json(spec.process);
    put(out, "hostname", spec.hostname);
    put(out, "domainname", spec.domainname);
    put_object(out, "hooks", to_json(spec.hooks));
    if (!spec.root_path.empty())
        out["root"] = {{"path", spec.root_path}, {"readonly", spec.root_readonly}};
    put_list(out, "mounts", spec.mounts, [](const Mount& m) { return to_json(m); });
    put_object(out, "linux", to_json(spec.linux));
    put(out, "annotations", spec.annotations);
    return text_of(out);
}

}  // namespace crank::oci
