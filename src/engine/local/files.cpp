#include "engine/local/files.h"

#include <algorithm>

#include "base/text.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/owned_file.h"

namespace crank::engine::local {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;
constexpr mode_t kReadable = 0644;

bool reachable_from_bridge(std::string_view server) {
    return !server.starts_with("127.") && server.find(':') == std::string_view::npos &&
           server != "0.0.0.0";
}

// A new file that nobody looks at before the container starts: no rename is needed. Readable for
// every user of the container, whatever the caller's umask.
Result<> write_file(const std::string& path, std::string_view text,
                    const std::optional<ids::Range>& ids) {
    sys::UniqueFd file =
        TRY(sys::open(path, sys::kWriteOnly | sys::kCreate | sys::kExclusive, kReadable));
    TRY(sys::set_mode(file.get(), kReadable, path));
    // Not id-mapped: /run is a tmpfs, which before Linux 6.3 cannot be.
    if (ids) TRY(sys::set_owner_at(sys::kCwd, path, ids->uid, ids->gid));
    return sys::write_all(file.get(), text, path);
}

std::string read_or_empty(const std::string& path) {
    return sys::read_file(path, kMaxFile).value_or("");
}

// systemd-resolved and the like: /etc/resolv.conf names a server on loopback, and this file the
// ones behind it.
constexpr const char* kResolvedUpstream = "/run/systemd/resolve/resolv.conf";

// What else the host's says of names: domains to search, options.
std::string with_resolver(const std::string& host, const std::string& resolver) {
    std::string text = "nameserver " + resolver + "\n";
    for (const std::string& line : split(host, '\n')) {
        std::string_view rest = trim(line);
        if (rest.empty() || rest[0] == '#' || rest[0] == ';' || rest.starts_with("nameserver"))
            continue;
        text += std::string(rest) + "\n";
    }
    return text;
}

std::string resolv_conf(NetworkMode network, const std::string& resolver,
                        std::vector<std::string>& warnings) {
    std::string host = read_or_empty("/etc/resolv.conf");
    if (network == NetworkMode::host) return host;
    if (!resolver.empty()) return with_resolver(host, resolver);
    ResolvConf conf = resolv_conf_for_bridge(host);
    if (conf.name_servers == 0) {
        ResolvConf upstream = resolv_conf_for_bridge(read_or_empty(kResolvedUpstream));
        if (upstream.name_servers > 0) return upstream.text;
        if (network == NetworkMode::bridge)
            warnings.emplace_back(
                "names will not resolve in the container: /etc/resolv.conf of this host has no "
                "name server that a bridge network reaches");
    }
    return conf.text;
}

}  // namespace

std::string hosts_text(std::string_view hostname, std::string_view address) {
    std::string text =
        "127.0.0.1\tlocalhost\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n"
        "fe00::\tip6-localnet\n"
        "ff00::\tip6-mcastprefix\n"
        "ff02::1\tip6-allnodes\n"
        "ff02::2\tip6-allrouters\n";
    // Without a network the own name still resolves: many programs look it up at their start.
    text += (address.empty() ? "127.0.0.1" : std::string(address)) + "\t" + std::string(hostname) +
            "\n";
    return text;
}

ResolvConf resolv_conf_for_bridge(std::string_view host_text) {
    ResolvConf conf;
    for (const std::string& line : split(host_text, '\n')) {
        std::string_view rest = trim(line);
        if (rest.empty() || rest[0] == '#' || rest[0] == ';') continue;
        if (rest.starts_with("nameserver")) {
            std::string_view server = trim(rest.substr(std::string_view("nameserver").size()));
            if (!reachable_from_bridge(server)) continue;
            ++conf.name_servers;
        }
        conf.text += std::string(rest) + "\n";
    }
    return conf;
}

std::vector<std::string> name_servers_of(std::string_view resolv_conf) {
    std::vector<std::string> servers;
    for (const std::string& line : split(resolv_conf, '\n')) {
        std::string_view rest = trim(line);
        constexpr std::string_view kWord = "nameserver";
        if (!rest.starts_with(kWord)) continue;
        std::string_view server = trim(rest.substr(kWord.size()));
        if (!server.empty()) servers.emplace_back(server);
    }
    return servers;
}

namespace {

// As Docker: a name without a dot is tried before the domains to search.
std::string with_plain_names_first(const std::string& text, const Settings& settings) {
    auto says = [](std::string_view words) {
        return words.find("ndots:") != std::string_view::npos;
    };
    for (const std::string& option : settings.dns_options)
        if (says(option)) return text;
    for (const std::string& line : split(text, '\n'))
        if (line.starts_with("options") && says(line)) return text;
    // before the user's own
    std::size_t own = text.starts_with("options") ? 0 : text.find("\noptions");
    std::string out = text;
    if (own != std::string::npos && own > 0) ++own;
    return out.insert(std::min(own, out.size()), "options ndots:0\n");
}

}  // namespace

Result<std::string> extra_hosts_text(const std::vector<ExtraHost>& hosts,
                                     std::string_view gateway) {
    std::string text;
    for (const ExtraHost& host : hosts) {
        bool machine = host.address == kHostGateway;
        if (machine && gateway.empty())
            return fail(Code::invalid_argument,
                        "--add-host " + host.name +
                            ":host-gateway with --network none: no address leads to this machine");
        text += (machine ? std::string(gateway) : host.address) + "\t" + host.name + "\n";
    }
    return text;
}

std::string with_dns_settings(const std::string& text, const Settings& settings) {
    std::string out, options;
    for (const std::string& server : settings.dns) out += "nameserver " + server + "\n";
    // "." alone: none, not the host's either.
    std::vector<std::string> search = settings.dns_search;
    std::erase(search, ".");
    if (!search.empty()) out += "search " + join(search, " ") + "\n";
    if (!settings.dns_options.empty())
        options = "options " + join(settings.dns_options, " ") + "\n";
    for (const std::string& line : split(text, '\n')) {
        std::string_view rest = trim(line);
        bool replaced = (rest.starts_with("nameserver") && !settings.dns.empty()) ||
                        ((rest.starts_with("search") || rest.starts_with("domain")) &&
                         !settings.dns_search.empty()) ||
                        (rest.starts_with("options") && !settings.dns_options.empty());
        if (!rest.empty() && !replaced) out += line + "\n";
    }
    // last, as Docker and podman have them
    return out + options;
}

Result<> write_files(const FilesRequest& request, std::vector<std::string>& warnings) {
    TRY(write_file(request.dir + "/hostname", request.hostname + "\n", request.ids));
    std::string hosts = request.network == NetworkMode::host
                            ? read_or_empty("/etc/hosts")
                            : hosts_text(request.hostname, request.address);
    for (const std::string& address : request.more_addresses)
        hosts += address + "\t" + request.hostname + "\n";
    hosts += TRY(extra_hosts_text(request.settings.hosts, request.gateway));
    TRY(write_file(request.dir + "/hosts", hosts, request.ids));
    std::vector<std::string> of_servers;
    std::string names = resolv_conf(request.network, request.resolver, of_servers);
    if (request.settings.dns.empty())
        warnings.insert(warnings.end(), of_servers.begin(), of_servers.end());
    Settings settings = request.settings;
    // Those are asked by the resolver.
    if (request.answers_names) settings.dns.clear();
    names = with_dns_settings(names, settings);
    if (request.answers_names) names = with_plain_names_first(names, settings);
    return write_file(request.dir + "/resolv.conf", names, request.ids);
}

}  // namespace crank::engine::local
