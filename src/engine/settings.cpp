#include "engine/settings.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/units.h"
#include "network/network.h"
#include "sys/ipv4.h"

namespace crank::engine {
namespace {

Error bad(std::string_view flag, std::string_view text, const std::string& why) {
    return Error(Code::invalid_argument,
                 std::string(flag) + " \"" + std::string(text) + "\": " + why);
}

// As getrlimit(2) has them, without RLIMIT_.
constexpr std::array<std::string_view, 16> kUlimits = {
    "as",   "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue",
    "nice", "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};

std::optional<std::int64_t> limit_of(std::string_view text) {
    if (text == "unlimited") return -1;
    auto number = parse_int(text);
    if (!number || *number < -1) return std::nullopt;
    return number;
}

bool is_address(const std::string& text) {
    return sys::parse_ipv4(text).has_value() || sys::is_ipv6(text);
}

constexpr std::string_view kSecurityHint =
    "seccomp=FILE, seccomp=unconfined, no-new-privileges[=false], systempaths=unconfined";

// What has no part of crank's that could do it.
Result<> refuse_module(std::string_view text, std::string_view key, std::string_view value) {
    bool off = key == "apparmor" ? value == kUnconfined : value == "disable";
    // That is how it runs anyway.
    if (off) return {};
    std::string why = key == "apparmor"
                          ? "crank puts no AppArmor profile on workers (apparmor=unconfined is "
                            "what they run with)"
                          : "crank puts no SELinux label on workers (label=disable is what they "
                            "run with)";
    return fail(bad("--security-opt", text, why)
                    .with_code(Code::unsupported)
                    .with_hint("to confine a worker more: --sandbox strict"));
}

}  // namespace

bool is_unfiltered(const Settings& settings) {
    return settings.seccomp == kUnconfined || (settings.privileged && settings.seccomp.empty());
}

Result<Ulimit> parse_ulimit(std::string_view text) {
    std::size_t equals = text.find('=');
    Ulimit limit{.name = to_lower(text.substr(0, equals))};
    if (equals == std::string_view::npos)
        return fail(bad("--ulimit", text, "wanted NAME=SOFT[:HARD]")
                        .with_hint("--ulimit nofile=4096:8192"));
    if (std::ranges::find(kUlimits, limit.name) == kUlimits.end()) {
        Error error = bad("--ulimit", text, "unknown limit \"" + limit.name + "\"");
        if (auto near = did_you_mean(limit.name, kUlimits))
            return fail(std::move(error).with_hint("did you mean " + *near + "?"));
        return fail(std::move(error).with_hint("man 2 getrlimit lists them"));
    }
    std::string_view values = text.substr(equals + 1);
    std::size_t colon = values.find(':');
    auto soft = limit_of(values.substr(0, colon));
    auto hard = colon == std::string_view::npos ? soft : limit_of(values.substr(colon + 1));
    if (!soft || !hard) return fail(bad("--ulimit", text, "a limit is a number, or -1 for none"));
    if (*hard >= 0 && (*soft < 0 || *soft > *hard))
        return fail(bad("--ulimit", text, "the soft limit is above the hard one"));
    limit.soft = *soft;
    limit.hard = *hard;
    return limit;
}

Result<ExtraHost> parse_extra_host(std::string_view text) {
    std::size_t at = text.find_first_of("=:");
    ExtraHost host{.name = std::string(text.substr(0, at)), .address = {}};
    if (at == std::string_view::npos || host.name.empty())
        return fail(bad("--add-host", text, "wanted NAME:IP").with_hint("--add-host db:10.0.0.7"));
    if (host.name.find_first_of(" \t\n") != std::string::npos)
        return fail(bad("--add-host", text, "a host name has no blanks"));
    std::string address(text.substr(at + 1));
    if (address.size() > 2 && address.front() == '[' && address.back() == ']')
        address = address.substr(1, address.size() - 2);
    if (address != kHostGateway && !is_address(address))
        return fail(bad("--add-host", text, "\"" + address + "\" is no IP address")
                        .with_hint("an address, or host-gateway for this machine"));
    host.address = std::move(address);
    return host;
}

Result<std::pair<std::string, std::string>> parse_assignment(std::string_view flag,
                                                             std::string_view text) {
    std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string_view::npos)
        return fail(bad(flag, text, "wanted NAME=VALUE"));
    return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

Result<std::string> parse_dns(std::string_view text) {
    if (is_address(std::string(text))) return std::string(text);
    return fail(bad("--dns", text, "a name server is an IP address").with_hint("--dns 1.1.1.1"));
}

Result<> apply_log_option(Settings& settings, std::string_view text) {
    auto [key, value] = TRY(parse_assignment("--log-opt", text));
    if (key == "max-size") {
        settings.log_max_size = value == "-1" ? 0 : TRY_IN(parse_size(value), "--log-opt max-size");
        constexpr std::int64_t kLeast = 4096;
        if (value == "-1" || settings.log_max_size < kLeast)
            return fail(bad("--log-opt", text, "a log's file has at least 4096 bytes, and an end")
                            .with_hint("--log-opt max-size=10m"));
        return {};
    }
    if (key == "max-file") {
        auto number = parse_int(value);
        constexpr int kMost = 1000;
        if (!number || *number < 1 || *number > kMost)
            return fail(bad("--log-opt", text, "wanted a number of files from 1 to 1000"));
        settings.log_max_files = static_cast<int>(*number);
        return {};
    }
    bool dockers = key == "mode" || key == "max-buffer-size" || key == "labels" ||
                   key == "labels-regex" || key == "env" || key == "env-regex" || key == "tag" ||
                   key == "compress";
    return fail(bad("--log-opt", text,
                    "option \"" + key + "\" is " + (dockers ? "not supported" : "unknown"))
                    .with_code(dockers ? Code::unsupported : Code::invalid_argument)
                    .with_hint("max-size=SIZE and max-file=NUMBER are"));
}

Result<std::optional<std::string>> apply_security_option(Settings& settings,
                                                         std::string_view text) {
    constexpr std::string_view kFlag = "--security-opt";
    std::size_t at = text.find_first_of("=:");
    std::string key(text.substr(0, at));
    std::string value(at == std::string_view::npos ? "" : text.substr(at + 1));
    settings.security_opt.emplace_back(text);
    if (key == "no-new-privileges") {
        if (at != std::string_view::npos && value != "true" && value != "false")
            return fail(bad(kFlag, text, "true or false"));
        settings.no_new_privileges = value != "false";
        return std::nullopt;
    }
    if (key == "seccomp") {
        if (value.empty())
            return fail(bad(kFlag, text, "a profile's file is wanted, or unconfined"));
        if (value != kUnconfined && value != "builtin") return value;
        settings.seccomp = value == kUnconfined ? value : "";
        return std::nullopt;
    }
    if (key == "apparmor" || key == "label") {
        TRY(refuse_module(text, key, value));
        return std::nullopt;
    }
    if (key == "systempaths" && value == kUnconfined) {
        settings.bare_paths = true;
        return std::nullopt;
    }
    bool others = key == "systempaths" || key == "writable-cgroups" || key == "mask" ||
                  key == "unmask" || key == "proc-opts" || key == "credentialspec";
    return fail(
        bad(kFlag, text, "option \"" + key + "\" is " + (others ? "not supported" : "unknown"))
            .with_code(others ? Code::unsupported : Code::invalid_argument)
            .with_hint(std::string(kSecurityHint)));
}

Result<std::string> parse_pid(std::string_view text) {
    if (text == "host") return std::string(text);
    if (text.starts_with("container:") && text.size() > std::string_view("container:").size())
        return std::string(text);
    return fail(bad("--pid", text, "host or container:NAME").with_hint("its own: leave it out"));
}

Result<std::string> parse_ipc(std::string_view text) {
    // The last keeps what it has to itself; nothing has to be prepared for others to share it.
    if (text == "host" || text == "none" || text == "private") return std::string(text);
    if (text == "shareable") return "";
    if (text.starts_with("container:") && text.size() > std::string_view("container:").size())
        return std::string(text);
    return fail(bad("--ipc", text, "host, private, shareable, none or container:NAME"));
}

Result<std::string> parse_uts(std::string_view text) {
    if (text == "host") return std::string(text);
    return fail(bad("--uts", text, "host alone").with_hint("its own: leave it out"));
}

namespace {

// "*": any.
Result<std::optional<std::int64_t>> device_number(std::string_view text, std::string_view rule) {
    if (text == "*") return std::optional<std::int64_t>();
    auto number = parse_int(text);
    if (!number || *number < 0)
        return fail(bad("--device-cgroup-rule", rule,
                        "\"" + std::string(text) + "\" is no number of a device"));
    return std::optional(*number);
}

}  // namespace

Result<oci::DeviceRule> parse_device_rule(std::string_view text) {
    std::vector<std::string> words = split(text, ' ');
    Error shape = bad("--device-cgroup-rule", text, "type, numbers and access are wanted")
                      .with_hint("--device-cgroup-rule \"c 189:* rmw\"");
    if (words.size() != 3) return fail(std::move(shape));
    if (words[0] != "a" && words[0] != "b" && words[0] != "c")
        return fail(bad("--device-cgroup-rule", text, "the type is a, b or c, not " + words[0]));
    if (words[2].empty() || words[2].find_first_not_of("rwm") != std::string::npos)
        return fail(
            bad("--device-cgroup-rule", text, "access is some of r, w and m, not " + words[2]));
    std::size_t colon = words[1].find(':');
    if (colon == std::string::npos) return fail(std::move(shape));
    oci::DeviceRule rule{
        .allow = true, .type = words[0], .major = {}, .minor = {}, .access = words[2]};
    rule.major = TRY(device_number(words[1].substr(0, colon), text));
    rule.minor = TRY(device_number(words[1].substr(colon + 1), text));
    return rule;
}

Result<std::string> parse_cgroupns(std::string_view text) {
    if (text == "host") return std::string(text);
    if (text == "private") return std::string();
    return fail(bad("--cgroupns", text, "host or private"));
}

Result<std::uint32_t> parse_umask(std::string_view text) {
    constexpr std::uint32_t kMost = 0777;
    std::uint32_t mask = 0;
    for (char c : text) {
        bool digit = c >= '0' && c <= '7';
        mask = mask * 8 + static_cast<std::uint32_t>(c - '0');
        if (!digit || mask > kMost) return fail(bad("--umask", text, "an octal number to 0777"));
    }
    if (text.empty()) return fail(bad("--umask", text, "an octal number to 0777"));
    return mask;
}

Result<std::string> parse_log_driver(std::string_view text) {
    for (std::string_view known : {"json-file", "k8s-file", "local", "none"})
        if (text == known) return std::string(text);
    return fail(bad("--log-driver", text, "crank keeps what a worker writes in files of its own")
                    .with_code(Code::unsupported)
                    .with_hint("json-file, k8s-file and local mean these files; none: nothing "
                               "is kept"));
}

Result<std::string> parse_expose(std::string_view text) {
    std::size_t slash = text.find('/');
    std::string protocol =
        slash == std::string_view::npos ? "tcp" : to_lower(text.substr(slash + 1));
    std::string ports(text.substr(0, slash));
    if (ports.find(':') != std::string::npos)
        return fail(bad("--expose", text, "a port of the container alone is wanted")
                        .with_hint("to publish it: -p " + ports));
    TRY_IN(network::parse_port(ports + "/" + protocol), "--expose");
    return ports + "/" + protocol;
}

Result<std::string> parse_cpu_set(std::string_view flag, std::string_view text) {
    bool good = !text.empty();
    for (const std::string& part : split(text, ',')) {
        std::vector<std::string> ends = split(part, '-');
        auto first = parse_int(ends.front()), last = parse_int(ends.back());
        good = good && ends.size() <= 2 && first && last && *first >= 0 && *first <= *last &&
               part.find_first_not_of("0123456789-") == std::string::npos;
    }
    if (good) return std::string(text);
    return fail(
        bad(flag, text, "wanted a list of numbers").with_hint(std::string(flag) + " 0-3,7"));
}

}  // namespace crank::engine
