#include "deploy/run_options.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "compose/native_files.h"
#include "deploy/desired.h"
#include "deploy/file_owner.h"
#include "deploy/health_options.h"
#include "deploy/native_ports.h"
#include "policy/capability.h"

namespace crank::deploy {
namespace {

using compose::Service;
using engine::RunOptions;

constexpr std::string_view kService = "service:", kContainer = "container:";

class Mapping {
public:
    Mapping(const Service& service, const ContainerNames& names)
        : service_(service), names_(names) {}

    Result<RunOptions> all() {
        process();
        TRY(ports());
        TRY(networks());
        TRY(namespaces());
        TRY(mounts());
        TRY(rights());
        TRY(limits());
        TRY(apply_health(service_, options_));
        TRY(rest());
        return std::move(options_);
    }

    Result<RunOptions> native(const NativePlace& place) {
        native_process(place);
        for (const compose::Port& port : service_.ports)
            if (is_held(service_, port)) TRY(publish(port));
        for (const compose::FileUse& use : service_.files) TRY(native_file(use));
        TRY(ulimits());
        TRY(limits());
        options_.shm_size.reset();
        TRY(apply_health(service_, options_));
        TRY(apply_native_probes(service_, place.ports, options_));
        TRY(rest());
        options_.settings.annotations.clear();
        options_.settings.runtime.clear();
        return std::move(options_);
    }

private:
    void native_process(const NativePlace& place) {
        const compose::NativeOptions& native = *service_.native();
        if (native.command) {
            options_.command = *native.command;
        } else {
            if (service_.entrypoint) options_.command = *service_.entrypoint;
            if (service_.command)
                options_.command.insert(options_.command.end(), service_.command->begin(),
                                        service_.command->end());
        }
        environment(service_.environment);
        environment(native.environment);
        for (std::string& variable : port_variables(service_, place.ports))
            options_.env.push_back(std::move(variable));
        options_.labels = service_.labels;
        options_.detach = true;
        options_.interactive = service_.interactive;
        bool whole = service_.working_dir.starts_with('/');
        options_.working_dir = place.directory;
        if (whole && !has_directory(service_)) options_.working_dir = service_.working_dir;
        if (!whole && !service_.working_dir.empty())
            options_.working_dir += "/" + service_.working_dir;
        options_.worker_ports = place.ports;
    }
    void environment(
        const std::vector<std::pair<std::string, std::optional<std::string>>>& variables) {
        for (const auto& [name, value] : variables)
            options_.env.push_back(value ? name + "=" + *value : name);
    }
    // A probe of a target is one of where it listens for that.
    void process() {
        options_.image = service_.image;
        options_.detach = true;
        if (service_.command) options_.command = *service_.command;
        if (service_.entrypoint) {
            options_.entrypoint = service_.entrypoint->empty() ? "" : service_.entrypoint->front();
            if (service_.entrypoint->size() > 1)
                options_.entrypoint_args.assign(service_.entrypoint->begin() + 1,
                                                service_.entrypoint->end());
        }
        environment(service_.environment);
        options_.labels = service_.labels;
        options_.user = service_.user;
        options_.working_dir = service_.working_dir;
        options_.interactive = service_.interactive;
        options_.terminal = service_.terminal;
        options_.read_only = service_.read_only;
        options_.init = service_.init.value_or(service_.runtime.empty());
    }

    Result<void> publish(const compose::Port& port) {
        std::string host = port.host_ip;
        if (host.contains(':')) host = "[" + host + "]";
        std::string text = host.empty() && port.published.empty() ? "" : port.published + ":";
        if (!host.empty()) text.insert(0, host + ":");
        text += std::to_string(port.target);
        if (!port.protocol.empty()) text += "/" + port.protocol;
        auto& held = is_held(service_, port) ? options_.gateway_ports : options_.ports;
        for (network::PortSpec& one : TRY_IN(network::parse_port(text), "ports"))
            held.push_back(std::move(one));
        return {};
    }
    Result<void> ports() {
        for (const compose::Port& port : service_.ports) TRY(publish(port));
        for (const std::string& text : service_.expose)
            options_.settings.expose.push_back(TRY_IN(engine::parse_expose(text), "expose"));
        if (!service_.worker.probe) return {};
        // What says that it is ready is a port of it.
        auto probed = engine::parse_probe_target(service_.worker.probe->url);
        if (probed && probed->host.empty())
            options_.settings.expose.push_back(std::to_string(probed->port) + "/tcp");
        return {};
    }

    std::string resolved(const std::string& mode) const {
        if (!mode.starts_with(kService)) return mode;
        return std::string(kContainer) + names_.container(mode.substr(kService.size()));
    }

    Result<void> networks() {
        if (!service_.network_mode.empty()) {
            engine::NetworkFlags flags{.networks = {resolved(service_.network_mode)}};
            return engine::apply_network_flags(flags, options_);
        }
        for (const compose::ServiceNetwork& network : service_.networks) {
            engine::NetworkUse use{.name = names_.network(network.key),
                                   .aliases = {service_.name, "tasks." + service_.name},
                                   .ip = network.ipv4,
                                   .ip6 = network.ipv6};
            for (const std::string& alias : network.aliases)
                if (alias != service_.name) use.aliases.push_back(alias);
            for (const std::string& alias : use.aliases)
                TRY_IN(engine::check_alias(alias), "networks." + network.key);
            options_.networks.push_back(std::move(use));
        }
        return {};
    }

    Result<void> namespaces() {
        engine::Settings& settings = options_.settings;
        if (!service_.pid.empty())
            settings.pid = TRY_IN(engine::parse_pid(resolved(service_.pid)), "pid");
        if (!service_.ipc.empty())
            settings.ipc = TRY_IN(engine::parse_ipc(resolved(service_.ipc)), "ipc");
        if (!service_.uts.empty())
            settings.uts = TRY_IN(engine::parse_uts(resolved(service_.uts)), "uts");
        if (!service_.userns_mode.empty())
            options_.userns =
                TRY_IN(engine::ids::parse_userns(service_.userns_mode), "userns_mode");
        options_.hostname = service_.hostname;
        if (!service_.hostname.empty())
            TRY_IN(engine::check_hostname(service_.hostname), "hostname");
        settings.domainname = service_.domainname;
        for (const auto& [name, address] : service_.hosts)
            settings.hosts.push_back(
                TRY_IN(engine::parse_extra_host(name + "=" + address), "extra_hosts"));
        for (const std::string& text : service_.dns)
            settings.dns.push_back(TRY_IN(engine::parse_dns(text), "dns"));
        settings.dns_search = service_.dns_search;
        settings.dns_options = service_.dns_options;
        return {};
    }

    void bind(const compose::Mount& mount) {
        options_.binds.push_back({.source = mount.source,
                                  .destination = engine::clean_path(mount.target),
                                  .read_only = mount.read_only,
                                  .recursive = mount.recursive});
    }
    void volume(const compose::Mount& mount) {
        engine::VolumeUse use{
            .copy = mount.copy, .anonymous = mount.source.empty(), .labels = mount.labels};
        if (!mount.source.empty()) use.name = names_.volume(mount.source);
        options_.binds.push_back({.source = "",
                                  .destination = engine::clean_path(mount.target),
                                  .read_only = mount.read_only,
                                  .volume = std::move(use)});
    }
    static std::string octal(std::int64_t mode) {
        std::string text;
        for (; mode > 0; mode /= 8) text.insert(text.begin(), static_cast<char>('0' + mode % 8));
        return text.empty() ? "0" : text;
    }
    void tmpfs(const compose::Mount& mount) {
        engine::TmpfsMount made{.destination = engine::clean_path(mount.target), .options = {}};
        if (mount.size) made.options.push_back("size=" + std::to_string(*mount.size));
        if (mount.mode) made.options.push_back("mode=" + octal(*mount.mode));
        if (mount.read_only) made.options.push_back("ro");
        options_.tmpfs.push_back(std::move(made));
    }
    // Configs are bind mounts, secrets are in memory.
    Result<void> file(const compose::FileUse& use) {
        std::string source = TRY(names_.file(use)), target = engine::clean_path(use.target);
        if (use.kind == compose::FileUse::Kind::config) {
            options_.binds.push_back(
                {.source = std::move(source), .destination = target, .read_only = true});
            return {};
        }
        engine::SecretFile secret{.source = std::move(source), .destination = target};
        const std::string what = "secrets." + use.key + ".";
        secret.uid = TRY(parse_owner(use.uid, what + "uid"));
        secret.gid = TRY(parse_owner(use.gid, what + "gid"));
        constexpr std::int64_t kPermissions = 0777;
        if (use.mode) secret.mode = static_cast<std::uint32_t>(*use.mode & kPermissions);
        options_.secrets.push_back(std::move(secret));
        return {};
    }
    // Copies of secrets, and links to configs.
    Result<void> native_file(const compose::FileUse& use) {
        std::string source = TRY(names_.file(use)), name = compose::native_file_name(use.target);
        if (use.kind == compose::FileUse::Kind::secret)
            options_.secrets.push_back({.source = std::move(source), .destination = name});
        else
            options_.config_links.push_back({.source = std::move(source), .name = name});
        return {};
    }
    Result<void> mounts() {
        for (const compose::Mount& mount : service_.mounts) {
            if (!mount.target.starts_with('/'))
                return fail(Code::invalid_argument,
                            "volumes: the target " + mount.target + " is no absolute path");
            switch (mount.type) {
                case compose::Mount::Type::bind: bind(mount); break;
                case compose::Mount::Type::volume: volume(mount); break;
                case compose::Mount::Type::tmpfs: tmpfs(mount); break;
            }
        }
        for (const std::string& text : service_.tmpfs)
            options_.tmpfs.push_back(TRY_IN(engine::parse_tmpfs(text), "tmpfs"));
        for (const compose::FileUse& use : service_.files) TRY(file(use));
        for (std::string text : service_.volumes_from) {
            if (text.starts_with(kContainer)) {
                text.erase(0, kContainer.size());
            } else {
                std::size_t colon = text.find(':');
                std::string mode = colon == std::string::npos ? "" : text.substr(colon);
                text = names_.container(text.substr(0, colon)) + mode;
            }
            options_.volumes_from.push_back(
                TRY_IN(engine::parse_volumes_from(text), "volumes_from"));
        }
        return {};
    }

    Result<void> rights() {
        engine::Settings& settings = options_.settings;
        settings.cap_add = service_.cap_add;
        settings.cap_drop = service_.cap_drop;
        TRY_IN(policy::adjust_capabilities(0, settings.cap_add, {}), "cap_add");
        TRY_IN(policy::adjust_capabilities(0, {}, settings.cap_drop), "cap_drop");
        settings.privileged = service_.privileged;
        for (const std::string& text : service_.security_opt) {
            // Docker's other way to write it.
            std::string option = text;
            if (std::size_t colon = option.find(':');
                colon != std::string::npos && !option.contains('='))
                option[colon] = '=';
            if (auto profile =
                    TRY_IN(engine::apply_security_option(settings, option), "security_opt"))
                settings.seccomp = TRY_IN(names_.read(*profile), "security_opt");
        }
        settings.group_add = service_.group_add;
        for (const std::string& text : service_.device_rules)
            TRY_IN(engine::parse_device_rule(text), "device_cgroup_rules");
        settings.device_rules = service_.device_rules;
        TRY(ulimits());
        settings.sysctls = service_.sysctls;
        options_.devices = service_.devices;
        if (service_.worker.strict_sandbox) options_.sandbox = engine::Sandbox::strict;
        return gpus();
    }

    Result<void> ulimits() {
        engine::Settings& settings = options_.settings;
        for (const compose::Ulimit& limit : service_.ulimits)
            settings.ulimits.push_back(
                TRY_IN(engine::parse_ulimit(limit.name + "=" + std::to_string(limit.soft) + ":" +
                                            std::to_string(limit.hard)),
                       "ulimits"));
        if (service_.oom_score_adj)
            settings.oom_score_adj = static_cast<int>(*service_.oom_score_adj);
        return {};
    }

    Result<void> gpus() {
        if (service_.gpus.empty()) return {};
        if (service_.gpus.size() > 1)
            return fail(Error(Code::unsupported, "gpus: more than one request")
                            .with_hint("one request with device_ids"));
        const compose::GpuRequest& request = service_.gpus.front();
        bool gpu = std::ranges::find(request.capabilities, "gpu") != request.capabilities.end();
        if (!request.capabilities.empty() && !gpu && request.driver != "nvidia")
            return fail(Code::unsupported,
                        "deploy.resources.reservations.devices: crank reserves GPUs alone");
        options_.gpus = gpus_flag(service_);
        return {};
    }

    Result<void> limits() {
        const compose::Limits& limits = service_.limits;
        options_.nano_cpus = limits.nano_cpus;
        if (limits.memory.value_or(0) != 0) options_.memory = limits.memory;
        if (limits.pids.value_or(0) != 0) options_.pids_limit = limits.pids;
        if (limits.shm_size.value_or(0) != 0) options_.shm_size = limits.shm_size;
        engine::Settings& settings = options_.settings;
        if (limits.memory_swap.value_or(0) != 0) settings.memory_swap = limits.memory_swap;
        if (limits.memory_reservation.value_or(0) != 0)
            settings.memory_reservation = limits.memory_reservation;
        if (limits.cpu_shares.value_or(0) != 0) settings.cpu_shares = limits.cpu_shares;
        if (!limits.cpuset.empty())
            settings.cpuset_cpus = TRY(engine::parse_cpu_set("cpuset", limits.cpuset));
        return {};
    }

    Result<void> rest() {
        engine::Settings& settings = options_.settings;
        options_.restart = TRY_IN(engine::parse_restart_policy(service_.restart), "restart");
        if (!service_.log_driver.empty())
            settings.log_driver = TRY_IN(engine::parse_log_driver(service_.log_driver), "logging");
        for (const auto& [name, value] : service_.log_options)
            TRY_IN(engine::apply_log_option(settings, name + "=" + value), "logging");
        settings.annotations = service_.annotations;
        settings.runtime = service_.runtime == "crank" ? "" : service_.runtime;
        if (!service_.stop_signal.empty()) options_.stop_signal = service_.stop_signal;
        if (service_.stop_grace)
            // Seconds are all that is kept: rather longer than shorter.
            options_.stop_timeout = static_cast<int>(
                std::chrono::ceil<std::chrono::seconds>(*service_.stop_grace).count());
        return {};
    }

    const Service& service_;
    const ContainerNames& names_;
    RunOptions options_;
};

}  // namespace

std::string gpus_flag(const compose::Service& service) {
    if (service.gpus.empty()) return "";
    const compose::GpuRequest& request = service.gpus.front();
    if (!request.ids.empty()) return "\"device=" + join(request.ids, ",") + "\"";
    return request.count < 0 ? "all" : std::to_string(request.count);
}

Result<RunOptions> run_options(const Service& service, const ContainerNames& names) {
    return TRY_IN(Mapping(service, names).all(), "services." + service.name);
}

Result<RunOptions> native_run_options(const Service& service, const NativePlace& place,
                                      const ContainerNames& names) {
    return TRY_IN(Mapping(service, names).native(place), "services." + service.name);
}

}  // namespace crank::deploy
