#include <algorithm>
#include <set>

#include "oci/json_reader.h"
#include "oci/runtime_spec.h"
#include "oci/runtime_spec_linux.h"

namespace crank::oci {

namespace {

constexpr Code kBad = Code::invalid_argument;

Result<> read_user(ObjectReader& in, User& out) {
    TRY(in.read("uid", out.uid));
    TRY(in.read("gid", out.gid));
    TRY(in.read("umask", out.umask));
    TRY(in.each("additionalGids", [&](const Json& value, const std::string& path) -> Result<> {
        if (!value.is_number_unsigned() || value.get<std::uint64_t>() > UINT32_MAX)
            return fail(kBad, "'" + path + "' is not a group id");
        out.additional_gids.push_back(value.get<std::uint32_t>());
        return {};
    }));
    TRY(in.refuse_unsupported({"username"}));
    return in.refuse_unknown();
}

Result<> read_capabilities(ObjectReader& in, CapabilitySets& out) {
    TRY(in.read("bounding", out.bounding));
    TRY(in.read("effective", out.effective));
    TRY(in.read("permitted", out.permitted));
    TRY(in.read("inheritable", out.inheritable));
    TRY(in.read("ambient", out.ambient));
    return in.refuse_unknown();
}

Result<> read_rlimits(ObjectReader& process, std::vector<Rlimit>& out) {
    std::set<std::string> seen;
    return process.each("rlimits", [&](const Json& value, const std::string& path) -> Result<> {
        auto in = TRY(process.element(value, path));
        Rlimit limit;
        TRY(in.read("type", limit.type));
        TRY(in.require("soft"));
        TRY(in.read("soft", limit.soft));
        TRY(in.require("hard"));
        TRY(in.read("hard", limit.hard));
        if (!limit.type.starts_with("RLIMIT_")) return in.bad("type", "is not 'RLIMIT_...'");
        // config.md, "rlimits": the same type twice MUST be an error.
        if (!seen.insert(limit.type).second) return in.bad("type", "stands twice: " + limit.type);
        out.push_back(std::move(limit));
        return in.refuse_unknown();
    });
}

Result<> read_scheduler(ObjectReader& in, Scheduler& out) {
    TRY(in.require("policy"));
    TRY(in.read("policy", out.policy));
    TRY(in.read("nice", out.nice));
    TRY(in.read("priority", out.priority));
    TRY(in.read("flags", out.flags));
    TRY(in.read("runtime", out.runtime));
    TRY(in.read("deadline", out.deadline));
    TRY(in.read("period", out.period));
    return in.refuse_unknown();
}

Result<> read_cpu_affinity(ObjectReader& in, CpuAffinity& out) {
    TRY(in.read("initial", out.initial));
    TRY(in.read("final", out.final));
    return in.refuse_unknown();
}

Result<> read_io_priority(ObjectReader& in, IoPriority& out) {
    TRY(in.require("class"));
    TRY(in.read("class", out.level));
    TRY(in.read("priority", out.priority));
    if (out.priority < 0 || out.priority > 7) return in.bad("priority", "is not from 0 to 7");
    return in.refuse_unknown();
}

// config.md, "POSIX-platform Hooks".
Result<> read_hooks(ObjectReader& in, Hooks& out) {
    for (auto [name, list] :
         {std::pair{"prestart", &out.prestart}, std::pair{"createRuntime", &out.create_runtime},
          std::pair{"createContainer", &out.create_container},
          std::pair{"startContainer", &out.start_container}, std::pair{"poststart", &out.poststart},
          std::pair{"poststop", &out.poststop}})
        TRY(in.each(name, [&](const Json& value, const std::string& path) -> Result<> {
            auto fields = TRY(in.element(value, path));
            Hook& hook = list->emplace_back();
            TRY(fields.require("path"));
            TRY(fields.read("path", hook.path));
            if (!hook.path.starts_with('/')) return fields.bad("path", "is not an absolute path");
            TRY(fields.read("args", hook.args));
            TRY(fields.read("env", hook.env));
            TRY(fields.read("timeout", hook.timeout));
            if (hook.timeout && *hook.timeout <= 0)
                return fields.bad("timeout", "is not greater than 0");
            return fields.refuse_unknown();
        }));
    return in.refuse_unknown();
}

Result<> read_process(ObjectReader& in, Process& out) {
    TRY(in.read("terminal", out.terminal));
    TRY(in.object("consoleSize", [&](ObjectReader& size) -> Result<> {
        TRY(size.read("height", out.console_rows));
        TRY(size.read("width", out.console_columns));
        return size.refuse_unknown();
    }));
    TRY(in.object("user", [&](ObjectReader& user) { return read_user(user, out.user); }));
    TRY(in.read("args", out.args));
    TRY(in.read("env", out.env));
    TRY(in.require("cwd"));
    TRY(in.read("cwd", out.cwd));
    if (!out.cwd.starts_with('/')) return in.bad("cwd", "is not an absolute path");
    TRY(in.object("capabilities",
                  [&](ObjectReader& sets) { return read_capabilities(sets, out.capabilities); }));
    TRY(read_rlimits(in, out.rlimits));
    out.no_new_privileges = false;  // config.md: absent means that privileges may be gained
    TRY(in.read("noNewPrivileges", out.no_new_privileges));
    TRY(in.read("oomScoreAdj", out.oom_score_adj));
    TRY(in.object("scheduler", [&](ObjectReader& policy) {
        return read_scheduler(policy, out.scheduler.emplace());
    }));
    TRY(in.object("ioPriority", [&](ObjectReader& priority) {
        return read_io_priority(priority, out.io_priority.emplace());
    }));
    TRY(in.object("execCPUAffinity", [&](ObjectReader& affinity) {
        return read_cpu_affinity(affinity, out.exec_cpu_affinity.emplace());
    }));
    TRY(in.refuse_unsupported({"apparmorProfile", "selinuxLabel", "commandLine"}));
    return in.refuse_unknown();
}

Result<> read_mounts(ObjectReader& root, std::vector<Mount>& out) {
    return root.each("mounts", [&](const Json& value, const std::string& path) -> Result<> {
        auto in = TRY(root.element(value, path));
        Mount mount;
        TRY(in.read("destination", mount.destination));
        if (!mount.destination.starts_with('/'))
            return in.bad("destination", "is not an absolute path");
        TRY(in.read("type", mount.type));
        TRY(in.read("source", mount.source));
        TRY(in.read("options", mount.options));
        TRY(read_mappings(in, "uidMappings", mount.uid_mappings));
        TRY(read_mappings(in, "gidMappings", mount.gid_mappings));
        out.push_back(std::move(mount));
        return in.refuse_unknown();
    });
}

Result<> read_version(ObjectReader& in, std::string& out) {
    TRY(in.require("ociVersion"));
    TRY(in.read("ociVersion", out));
    if (!out.starts_with("1."))
        return fail(Code::unsupported, "'ociVersion' is '" + out + "'; crank reads versions 1.x");
    return {};
}

Result<RuntimeSpec> read_spec(const Json& root, std::vector<std::string>* ignored) {
    auto in = TRY(ObjectReader::create(root, "", kBad));
    in.tolerate_unknown(ignored);
    RuntimeSpec out;
    TRY(read_version(in, out.oci_version));
    TRY(in.read("hostname", out.hostname));
    TRY(in.object("root", [&](ObjectReader& fs) -> Result<> {
        TRY(fs.require("path"));
        TRY(fs.read("path", out.root_path));
        TRY(fs.read("readonly", out.root_readonly));
        return fs.refuse_unknown();
    }));
    out.has_process = in.find("process") != nullptr;
    TRY(in.object("process", [&](ObjectReader& process) -> Result<> {
        return read_process(process, out.process);
    }));
    TRY(read_mounts(in, out.mounts));
    TRY(in.object("linux", [&](ObjectReader& part) { return read_linux(part, out.linux); }));
    TRY(in.read("annotations", out.annotations));
    TRY(in.read("domainname", out.domainname));
    TRY(in.object("hooks", [&](ObjectReader& hooks) { return read_hooks(hooks, out.hooks); }));
    TRY(in.refuse_unsupported({"solaris", "windows", "vm", "zos"}));
    TRY(in.refuse_unknown());
    return out;
}

}  // namespace

Result<RuntimeSpec> parse_runtime_spec(std::string_view json, std::vector<std::string>* ignored) {
    Json root = TRY_IN(parse_json(json, kBad), "runtime configuration");
    return TRY_IN(read_spec(root, ignored), "runtime configuration");
}

Result<Process> parse_process(std::string_view json, std::vector<std::string>* ignored) {
    auto read = [&]() -> Result<Process> {
        Json root = TRY(parse_json(json, kBad));
        auto in = TRY(ObjectReader::create(root, "", kBad));
        in.tolerate_unknown(ignored);
        Process process;
        TRY(read_process(in, process));
        return process;
    };
    return TRY_IN(read(), "process document");
}

Result<Resources> parse_resources(std::string_view json, std::vector<std::string>* ignored) {
    auto read = [&]() -> Result<Resources> {
        Json root = TRY(parse_json(json, kBad));
        auto in = TRY(ObjectReader::create(root, "", kBad));
        in.tolerate_unknown(ignored);
        Resources resources;
        TRY(read_resources(in, resources));
        return resources;
    };
    return TRY_IN(read(), "resources document");
}

}  // namespace crank::oci
