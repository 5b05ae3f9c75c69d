#include "engine/local/spec.h"

#include <algorithm>

#include "base/units.h"
#include "engine/local/cpu_env.h"
#include "engine/names.h"
#include "policy/policy.h"

namespace crank::engine::local {
namespace {

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::int64_t kDefaultShm = std::int64_t{64} << 20;
// What systemd gives a service: above 1024 programs that use select(2) break, and some walk
// through all descriptors up to the limit.
constexpr std::uint64_t kOpenFilesSoft = 1024, kOpenFilesHard = 524288;

bool has_variable(const std::vector<std::string>& env, std::string_view name) {
    return std::any_of(env.begin(), env.end(), [&](const std::string& entry) {
        return entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=';
    });
}

// ping(8)'s sockets; the kernel takes an int.
constexpr std::uint32_t kLargestPingGroup = 2147483647;

struct Command {
    std::vector<std::string> entrypoint, rest;
};

// --entrypoint drops the image's CMD with its ENTRYPOINT; words behind IMAGE replace CMD alone.
Result<Command> command_of(const SpecRequest& request) {
    const RunOptions& options = request.options;
    const oci::ContainerConfig& image = request.image.config;
    Command command{.entrypoint = image.entrypoint, .rest = options.command};
    if (options.entrypoint) {
        command.entrypoint.clear();
        if (!options.entrypoint->empty()) command.entrypoint.push_back(*options.entrypoint);
        command.entrypoint.insert(command.entrypoint.end(), options.entrypoint_args.begin(),
                                  options.entrypoint_args.end());
    } else if (command.rest.empty()) {
        command.rest = image.cmd;
    }
    std::size_t words = command.entrypoint.size() + command.rest.size();
    const std::string* first = !command.entrypoint.empty() ? &command.entrypoint[0]
                               : words > 0                 ? &command.rest[0]
                                                           : nullptr;
    if (first == nullptr)
        return fail(Error(Code::invalid_argument,
                          "no command given, and image " + options.image + " names none")
                        .with_hint("crank run " + options.image + " COMMAND"));
    if (first->empty()) return fail(Code::invalid_argument, "the command's first word is empty");
    return command;
}

std::string hostname_of(const SpecRequest& request) {
    if (request.options.settings.uts == "host") return request.host_name;
    if (!request.options.hostname.empty()) return request.options.hostname;
    if (request.options.network == NetworkMode::host) return request.host_name;
    return request.id.substr(0, kShortIdLength);
}

Result<oci::Process> make_process(const SpecRequest& request, const Command& command,
                                  const std::string& hostname, const oci::Resources& resources) {
    const RunOptions& options = request.options;
    oci::Process process;
    process.terminal = options.terminal;
    process.user = {
        .uid = request.user.uid, .gid = request.user.gid, .additional_gids = request.user.groups};
    process.user.umask = options.settings.umask;
    process.args = command.entrypoint;
    process.args.insert(process.args.end(), command.rest.begin(), command.rest.end());
    process.env =
        container_env(request.image.config, options, hostname, limit_variables(resources));
    if (!has_variable(process.env, "HOME")) process.env.push_back("HOME=" + request.user.home);
    process.cwd =
        !options.working_dir.empty() ? options.working_dir : request.image.config.working_dir;
    if (process.cwd.empty()) process.cwd = "/";
    if (!process.cwd.starts_with('/'))
        return fail(Code::invalid_argument,
                    "the working directory \"" + process.cwd + "\" is not absolute");
    process.capabilities = capability_sets(
        request.user.uid, policy::capability_names(TRY(bounding_set(options, request.held))));
    std::uint64_t most = std::min(kOpenFilesHard, request.host.open_files_limit);
    process.rlimits = {{"RLIMIT_NOFILE", std::min(kOpenFilesSoft, most), most}};
    process.no_new_privileges = true;
    return process;
}

oci::Linux make_linux(const SpecRequest& request) {
    oci::Linux linux_part;
    const Settings& settings = request.options.settings;
    for (const char* type : {"mount", "pid", "ipc", "uts", "cgroup"}) {
        std::string_view word = type;
        bool hosts = (word == "pid" && settings.pid == "host") ||
                     (word == "ipc" && settings.ipc == "host") ||
                     (word == "uts" && settings.uts == "host") ||
                     (word == "cgroup" && settings.cgroupns == "host");
        if (!hosts) linux_part.namespaces.push_back({type, ""});
    }
    if (request.options.network != NetworkMode::host)
        linux_part.namespaces.push_back({"network", ""});
    // Of another container's they are set.
    if (has_own_network(request.options.network)) {
        // A worker that is not root may bind port 80 in a network of its own, and use ping.
        linux_part.sysctl["net.ipv4.ip_unprivileged_port_start"] = "0";
        // The last group that there is: of a user namespace's, the container's or crank's, its own.
        std::uint32_t last = request.ids ? request.ids->size - 1
                                         : std::min(kLargestPingGroup, request.host.largest_gid);
        linux_part.sysctl["net.ipv4.ping_group_range"] = "0 " + std::to_string(last);
    }
    if (request.ids) {
        linux_part.namespaces.push_back({"user", ""});
        linux_part.uid_mappings = mapping_of(request.ids->uid, request.ids->size);
        linux_part.gid_mappings = mapping_of(request.ids->gid, request.ids->size);
    }
    linux_part.cgroups_path = request.host.group_parent + "/" + request.id;
    linux_part.rootfs_propagation = "rprivate";
    for (std::string_view path : policy::masked_paths()) linux_part.masked_paths.emplace_back(path);
    for (std::string& path : policy::masked_cpu_paths(request.masked_cpus))
        linux_part.masked_paths.push_back(std::move(path));
    for (std::string_view path : policy::readonly_paths())
        linux_part.readonly_paths.emplace_back(path);
    return linux_part;
}

// What the runtime would say in the words of a config.json.
Result<> check_user(const SpecRequest& request) {
    if (!request.ids) return {};
    const oci::UserEntry& user = request.user;
    std::vector<std::uint32_t> all = user.groups;
    all.insert(all.end(), {user.uid, user.gid});
    std::uint32_t highest = *std::ranges::max_element(all);
    if (highest < request.ids->size) return {};
    return fail(Error(Code::invalid_argument,
                      "the worker's user or group " + std::to_string(highest) +
                          " does not exist in its user namespace, which has the ids from 0 to " +
                          std::to_string(request.ids->size - 1))
                    .with_hint("--userns=auto:size=" + std::to_string(std::uint64_t{highest} + 1) +
                               " has room for it"));
}

}  // namespace

std::vector<oci::IdMapping> mapping_of(std::uint32_t first, std::uint32_t size) {
    return {{.container_id = 0, .host_id = first, .size = size}};
}

std::vector<std::string> merge_env(std::vector<std::string> base,
                                   const std::vector<std::string>& given) {
    for (const std::string& entry : given) {
        std::size_t equals = entry.find('=');
        std::string prefix = entry.substr(0, equals) + "=";
        auto same = std::find_if(base.begin(), base.end(), [&](const std::string& other) {
            return other.starts_with(prefix);
        });
        if (equals == std::string::npos) {
            if (same != base.end()) base.erase(same);
        } else if (same != base.end()) {
            *same = entry;
        } else {
            base.push_back(entry);
        }
    }
    return base;
}

std::vector<std::string> container_env(const oci::ContainerConfig& image, const RunOptions& options,
                                       std::string_view hostname,
                                       const std::vector<std::string>& limits) {
    if (options.bare_env) return merge_env({}, options.env);
    std::vector<std::string> env = {std::string(kDefaultPath), "HOSTNAME=" + std::string(hostname)};
    if (options.terminal) env.emplace_back("TERM=xterm");
    env.insert(env.end(), limits.begin(), limits.end());
    return merge_env(merge_env(std::move(env), image.env), options.env);
}

std::vector<std::string> limit_variables(const oci::Resources& resources) {
    if (!resources.cpu_quota || !resources.cpu_period) return {};
    constexpr std::int64_t kNanosPerCpu = 1'000'000'000;
    return cpu_variables(*resources.cpu_quota * kNanosPerCpu /
                         static_cast<std::int64_t>(*resources.cpu_period));
}

oci::CapabilitySets capability_sets(std::uint32_t uid, std::vector<std::string> bounding) {
    oci::CapabilitySets sets;
    sets.bounding = std::move(bounding);
    // For others than root the kernel would drop them at exec anyway.
    if (uid == 0) sets.effective = sets.permitted = sets.bounding;
    return sets;
}

Result<SpecResult> make_spec(const SpecRequest& request) {
    SpecResult result;
    const RunOptions& options = request.options;
    TRY(check_sandbox(options));
    TRY(check_settings(options));
    TRY(check_user(request));
    Command command = TRY(command_of(request));
    std::string hostname = hostname_of(request);
    result.entrypoint = command.entrypoint;
    result.user = !options.user.empty() ? options.user : request.image.config.user;
    // Shared memory is charged to the container's limit anyway; 64 MiB, as everybody has it, is too
    // little for data loaders and databases.
    result.shm_size = options.shm_size ? *options.shm_size
                      : options.memory ? *options.memory / 2
                                       : kDefaultShm;
    if (options.shm_size && options.memory && *options.shm_size > *options.memory)
        result.warnings.push_back("--shm-size=" + format_size_binary(*options.shm_size) +
                                  " is more than --memory: what lies in /dev/shm counts as memory");
    oci::Resources resources = TRY(make_resources(request, result.warnings));
    oci::RuntimeSpec& spec = result.spec;
    if (options.settings.uts != "host") spec.hostname = hostname;
    result.hostname = hostname;
    spec.root_readonly = options.read_only || options.sandbox == Sandbox::strict;
    spec.process = TRY(make_process(request, command, hostname, resources));
    spec.linux = make_linux(request);
    spec.linux.resources = std::move(resources);
    spec.mounts = make_mounts(request, result.shm_size);
    TRY(apply_settings(request, result));
    if (options.sandbox == Sandbox::strict)
        result.confinement = make_confinement(request, spec.mounts);
    return result;
}

}  // namespace crank::engine::local
