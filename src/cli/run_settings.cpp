// The flags of `run` that become engine::Settings.
#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "cli/run_flags.h"
#include "policy/capability.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

constexpr std::size_t kMaxProfile = std::size_t{1} << 20;  // bytes

Result<> read_rights(const Arguments& arguments, engine::Settings& settings) {
    settings.cap_add = arguments.values("cap-add");
    settings.cap_drop = arguments.values("cap-drop");
    TRY(policy::adjust_capabilities(0, settings.cap_add, settings.cap_drop));
    settings.privileged = arguments.on("privileged");
    for (const std::string& text : arguments.values("security-opt")) {
        auto profile = TRY(engine::apply_security_option(settings, text));
        if (profile)
            settings.seccomp =
                TRY_IN(sys::read_file(*profile, kMaxProfile), "--security-opt seccomp");
    }
    for (const std::string& group : arguments.values("group-add")) {
        if (group.empty())
            return fail(Code::invalid_argument, "--group-add \"\": a group is wanted");
        // podman takes several at once; no group's name has a comma.
        for (std::string& one : split(group, ',')) settings.group_add.push_back(std::move(one));
    }
    for (const std::string& text : arguments.values("device-cgroup-rule")) {
        TRY(engine::parse_device_rule(text));
        settings.device_rules.push_back(text);
    }
    for (const std::string& text : arguments.values("ulimit")) {
        engine::Ulimit limit = TRY(engine::parse_ulimit(text));
        // The last of a name counts.
        std::erase_if(settings.ulimits,
                      [&](const auto& other) { return other.name == limit.name; });
        settings.ulimits.push_back(std::move(limit));
    }
    for (const std::string& text : arguments.values("sysctl"))
        settings.sysctls.insert_or_assign(TRY(engine::parse_assignment("--sysctl", text)).first,
                                          TRY(engine::parse_assignment("--sysctl", text)).second);
    if (auto text = arguments.find("oom-score-adj")) {
        auto number = parse_int(*text);
        if (!number || *number < -1000 || *number > 1000)
            return fail(Code::invalid_argument,
                        "--oom-score-adj \"" + *text + "\": a number from -1000 to 1000");
        settings.oom_score_adj = static_cast<int>(*number);
    }
    return {};
}

Result<> read_names(const Arguments& arguments, engine::Settings& settings) {
    for (const std::string& text : arguments.values("add-host"))
        settings.hosts.push_back(TRY(engine::parse_extra_host(text)));
    for (const std::string& text : arguments.values("dns"))
        settings.dns.push_back(TRY(engine::parse_dns(text)));
    for (const auto& [flag, list] : {std::pair("dns-search", &settings.dns_search),
                                     std::pair("dns-option", &settings.dns_options)})
        for (const std::string& word : arguments.values(flag)) {
            if (word.empty() || word.find_first_of(" \t\n") != std::string::npos)
                return fail(Code::invalid_argument,
                            "--" + std::string(flag) + " \"" + word + "\": one word is wanted");
            list->push_back(word);
        }
    settings.domainname = arguments.value("domainname");
    constexpr std::size_t kMostDomain = 64;  // setdomainname(2)
    if (settings.domainname.size() > kMostDomain)
        return fail(Code::invalid_argument, "--domainname: more than 64 characters");
    return {};
}

Result<> read_more_limits(const Arguments& arguments, engine::Settings& settings) {
    if (auto text = arguments.find("memory-swap"))
        settings.memory_swap = *text == "-1" ? -1 : TRY_IN(parse_size(*text), "--memory-swap");
    // Docker: 0 is as if nothing was said.
    if (settings.memory_swap == 0) settings.memory_swap.reset();
    if (auto text = arguments.find("memory-reservation"))
        settings.memory_reservation = TRY_IN(parse_size(*text), "--memory-reservation");
    if (auto text = arguments.find("cpu-shares")) {
        settings.cpu_shares = parse_int(*text);
        if (!settings.cpu_shares)
            return fail(Code::invalid_argument, "--cpu-shares: invalid number \"" + *text + "\"");
    }
    if (auto text = arguments.find("cpuset-cpus"))
        settings.cpuset_cpus = TRY(engine::parse_cpu_set("--cpuset-cpus", *text));
    if (auto text = arguments.find("cpuset-mems"))
        settings.cpuset_mems = TRY(engine::parse_cpu_set("--cpuset-mems", *text));
    if (auto text = arguments.find("umask")) settings.umask = TRY(engine::parse_umask(*text));
    if (auto text = arguments.find("log-driver"))
        settings.log_driver = TRY(engine::parse_log_driver(*text));
    for (const std::string& text : arguments.values("log-opt"))
        TRY(engine::apply_log_option(settings, text));
    return {};
}

Result<> read_namespaces(const Arguments& arguments, engine::Settings& settings) {
    if (auto text = arguments.find("pid")) settings.pid = TRY(engine::parse_pid(*text));
    if (auto text = arguments.find("ipc")) settings.ipc = TRY(engine::parse_ipc(*text));
    if (auto text = arguments.find("cgroupns"))
        settings.cgroupns = TRY(engine::parse_cgroupns(*text));
    if (auto text = arguments.find("uts")) settings.uts = TRY(engine::parse_uts(*text));
    if (settings.network_of.empty()) return {};
    for (const char* flag : {"hostname", "add-host", "dns", "dns-search", "dns-option"})
        if (arguments.has(flag))
            return fail(Error(Code::invalid_argument,
                              "--" + std::string(flag) + " with --network container:" +
                                  settings.network_of + ": names are that container's")
                            .with_hint("leave out --" + std::string(flag)));
    return {};
}

}  // namespace

// An image for another machine would need an emulator.
Result<> check_platform(const Arguments& arguments) {
    auto text = arguments.find("platform");
    if (!text) return {};
    std::string machine = sys::kernel_info().machine;
    std::string own = "linux/" + std::string(machine == "x86_64"    ? "amd64"
                                             : machine == "aarch64" ? "arm64"
                                                                    : machine);
    std::string wanted = to_lower(*text);
    bool same =
        wanted == own || wanted == "linux" || (own == "linux/arm64" && wanted == own + "/v8");
    if (same) return {};
    return fail(Error(Code::unsupported, "--platform \"" + *text + "\": this machine runs " + own +
                                             " alone, and crank has no emulator")
                    .with_hint("--platform " + own));
}

Result<> read_settings(const Arguments& arguments, engine::Settings& settings) {
    TRY(read_rights(arguments, settings));
    TRY(read_names(arguments, settings));
    TRY(read_more_limits(arguments, settings));
    TRY(check_platform(arguments));
    TRY(read_namespaces(arguments, settings));
    for (const std::string& text : arguments.values("annotation"))
        settings.annotations.insert_or_assign(
            TRY(engine::parse_assignment("--annotation", text)).first,
            TRY(engine::parse_assignment("--annotation", text)).second);
    for (const std::string& text : arguments.values("expose"))
        settings.expose.push_back(TRY(engine::parse_expose(text)));
    settings.no_hosts = arguments.on("no-hosts");
    settings.no_hostname = arguments.on("no-hostname");
    if (settings.no_hosts && arguments.has("add-host"))
        return fail(Error(Code::invalid_argument,
                          "--no-hosts with --add-host: there is no file to put the name into")
                        .with_hint("leave out one of the two"));
    settings.publish_all = arguments.on("publish-all");
    settings.no_healthcheck = arguments.on("no-healthcheck");
    settings.runtime = arguments.value("runtime");
    if (arguments.has("runtime") && settings.runtime.empty())
        return fail(Code::invalid_argument, "--runtime \"\": a name or a path is wanted");
    if (settings.runtime == "crank") settings.runtime.clear();
    return {};
}

}  // namespace crank::cli
