// What --privileged, --cap-add, --security-opt and their kind change in a configuration.
#include <algorithm>
#include <limits>

#include "engine/local/spec.h"
#include "policy/policy.h"
#include "policy/sysctl.h"

namespace crank::engine::local {
namespace {

constexpr int kMostOomScore = 1000;

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return text;
}

std::uint64_t rlimit_value(std::int64_t value) {
    return value < 0 ? std::numeric_limits<std::uint64_t>::max()
                     : static_cast<std::uint64_t>(value);
}

void apply_ulimits(const Settings& settings, oci::Process& process) {
    for (oci::Rlimit& limit : rlimits_of(settings)) {
        std::erase_if(process.rlimits,
                      [&](const oci::Rlimit& other) { return other.type == limit.type; });
        process.rlimits.push_back(std::move(limit));
    }
}

void apply_groups(const SpecRequest& request, oci::User& user) {
    for (std::uint32_t gid : request.added_groups)
        if (gid != user.gid &&
            std::ranges::find(user.additional_gids, gid) == user.additional_gids.end())
            user.additional_gids.push_back(gid);
}

Result<> apply_seccomp(const SpecRequest& request, oci::RuntimeSpec& spec) {
    const std::string& profile = request.options.settings.seccomp;
    if (profile.empty() || profile == kUnconfined) return {};
    oci::SeccompWorld world = request.seccomp_world;
    world.capabilities = spec.process.capabilities.bounding;
    spec.linux.seccomp =
        TRY_IN(oci::parse_seccomp_profile(profile, world), "--security-opt seccomp");
    return {};
}

// The kernel's own mounts, of which the container's view is writable then.
void open_kernels_mounts(std::vector<oci::Mount>& mounts) {
    for (oci::Mount& mount : mounts)
        if (mount.type == "sysfs" || mount.type == "cgroup") std::erase(mount.options, "ro");
}

void apply_privileged(oci::RuntimeSpec& spec) {
    open_kernels_mounts(spec.mounts);
    spec.linux.resources.devices.push_back({true, "a", {}, {}, "rwm"});
}

Result<> refuse_strict(bool given, const char* flag, const char* why) {
    if (!given) return {};
    return fail(Error(Code::invalid_argument, std::string(flag) + " with --sandbox strict: " + why)
                    .with_hint("leave out one of the two"));
}

Result<> check_with_strict(const Settings& settings) {
    TRY(refuse_strict(settings.privileged, "--privileged", "they are opposites"));
    TRY(refuse_strict(!settings.cap_add.empty(), "--cap-add",
                      "a worker in it has no capabilities"));
    TRY(refuse_strict(!settings.seccomp.empty(), "--security-opt seccomp",
                      "it has a filter of its own"));
    TRY(refuse_strict(settings.bare_paths, "--security-opt systempaths=unconfined",
                      "paths of the kernel's are masked there"));
    TRY(refuse_strict(!settings.device_rules.empty(), "--device-cgroup-rule",
                      "a worker in it has no devices but those that are passed on"));
    TRY(refuse_strict(!settings.pid.empty(), "--pid", "it would see the processes of others"));
    TRY(refuse_strict(settings.ipc == "host", "--ipc host", "it would share memory with the host"));
    TRY(refuse_strict(settings.ipc.starts_with("container:"),
                      "--ipc container:", "it would share memory with others"));
    TRY(refuse_strict(!settings.uts.empty(), "--uts host", "it would share names with the host"));
    return refuse_strict(settings.no_new_privileges == false,
                         "--security-opt no-new-privileges=false", "nobody gets privileges there");
}

}  // namespace

std::vector<oci::Rlimit> rlimits_of(const Settings& settings) {
    std::vector<oci::Rlimit> limits;
    for (const Ulimit& limit : settings.ulimits)
        limits.push_back(
            {"RLIMIT_" + upper(limit.name), rlimit_value(limit.soft), rlimit_value(limit.hard)});
    return limits;
}

Result<policy::CapabilitySet> bounding_set(const RunOptions& options, policy::CapabilitySet held) {
    const Settings& settings = options.settings;
    if (options.sandbox == Sandbox::strict) return policy::CapabilitySet{0};
    policy::CapabilitySet base =
        settings.privileged ? policy::kAllCapabilities : policy::default_capabilities();
    policy::CapabilitySet wanted =
        TRY(policy::adjust_capabilities(base, settings.cap_add, settings.cap_drop));
    std::vector<std::string> named;
    for (const std::string& name : settings.cap_add)
        if (upper(name) != "ALL") named.push_back(name);
    // "All" are those that the machine has to give.
    policy::CapabilitySet lacking = TRY(policy::capability_set(named)) & wanted & ~held;
    if (lacking != 0)
        return fail(Error(Code::permission_denied,
                          "--cap-add " + policy::capability_names(lacking).front() +
                              ": crank does not have it itself on this machine")
                        .with_hint("grep CapPrm /proc/self/status"));
    return wanted & held;
}

// Of one that has a user namespace the others must belong to it.
Result<> check_namespaces(const RunOptions& options) {
    const Settings& settings = options.settings;
    const char* shared = !settings.pid.empty()                       ? "--pid"
                         : settings.ipc == "host"                    ? "--ipc host"
                         : settings.ipc.starts_with("container:")    ? "--ipc container:"
                         : !settings.uts.empty()                     ? "--uts host"
                         : options.network == NetworkMode::container ? "--network container:"
                                                                     : nullptr;
    if (shared != nullptr && wants_own_ids(options))
        return fail(Error(Code::invalid_argument,
                          std::string(shared) +
                              " with --userns=auto: its ids have no rights to what others have")
                        .with_hint("leave out one of the two"));
    if (settings.uts == "host" && (!options.hostname.empty() || !settings.domainname.empty()))
        return fail(Error(Code::invalid_argument,
                          "--uts host with a host or domain name: it would be the machine's")
                        .with_hint("leave out --hostname and --domainname"));
    if (settings.ipc == "host" && options.shm_size)
        return fail(Code::invalid_argument,
                    "--shm-size with --ipc host: /dev/shm is the machine's");
    if (settings.ipc.starts_with("container:") && options.shm_size)
        return fail(Error(Code::invalid_argument,
                          "--shm-size with --ipc container:: /dev/shm is that container's")
                        .with_hint("leave out --shm-size"));
    if (!settings.ip.empty() && options.network != NetworkMode::bridge)
        return fail(Error(Code::invalid_argument, "--ip is for a container on the bridge")
                        .with_hint("leave out --network"));
    return {};
}

Result<> check_settings(const RunOptions& options) {
    const Settings& settings = options.settings;
    if (options.sandbox == Sandbox::strict) TRY(check_with_strict(settings));
    TRY(check_namespaces(options));
    if (settings.privileged && wants_own_ids(options))
        return fail(
            Error(Code::invalid_argument,
                  "--privileged with --userns=auto: the ids of a user namespace have no "
                  "rights to this machine")
                .with_hint("--cap-add gives capabilities over what is the container's own"));
    if (settings.oom_score_adj &&
        (*settings.oom_score_adj < -kMostOomScore || *settings.oom_score_adj > kMostOomScore))
        return fail(Code::invalid_argument, "--oom-score-adj " +
                                                std::to_string(*settings.oom_score_adj) +
                                                ": a number from -1000 to 1000");
    return {};
}

Result<> apply_settings(const SpecRequest& request, SpecResult& result) {
    const Settings& settings = request.options.settings;
    oci::RuntimeSpec& spec = result.spec;
    apply_ulimits(settings, spec.process);
    apply_groups(request, spec.process.user);
    spec.process.oom_score_adj = settings.oom_score_adj;
    spec.process.no_new_privileges = settings.no_new_privileges.value_or(!settings.privileged);
    spec.domainname = settings.domainname;
    spec.annotations = settings.annotations;
    policy::OwnNamespaces own{
        .ipc = settings.ipc != "host" && !settings.ipc.starts_with("container:"),
        .network = has_own_network(request.options.network),
        .uts = settings.uts != "host"};
    for (const auto& [name, value] : settings.sysctls)
        TRY_IN(policy::check_sysctl(name, own), "--sysctl");
    for (const auto& [name, value] : settings.sysctls) spec.linux.sysctl[name] = value;
    TRY(apply_seccomp(request, spec));
    if (settings.privileged) apply_privileged(spec);
    for (const std::string& rule : settings.device_rules)
        spec.linux.resources.devices.push_back(TRY(parse_device_rule(rule)));
    if (settings.privileged || settings.bare_paths) {
        spec.linux.masked_paths.clear();
        spec.linux.readonly_paths.clear();
    }
    return {};
}

}  // namespace crank::engine::local
