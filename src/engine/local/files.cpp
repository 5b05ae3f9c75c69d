#include "engine/local/files.h"

#include "base/text.h"
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
Result<> write_file(const std::string& path, std::string_view text) {
    sys::UniqueFd file =
        TRY(sys::open(path, sys::kWriteOnly | sys::kCreate | sys::kExclusive, kReadable));
    TRY(sys::set_mode(file.get(), kReadable, path));
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

Result<> write_files(const FilesRequest& request, std::vector<std::string>& warnings) {
    TRY(write_file(request.dir + "/hostname", request.hostname + "\n"));
    std::string hosts = request.network == NetworkMode::host
                            ? read_or_empty("/etc/hosts")
                            : hosts_text(request.hostname, request.address);
    TRY(write_file(request.dir + "/hosts", hosts));
    return write_file(request.dir + "/resolv.conf",
                      resolv_conf(request.network, request.resolver, warnings));
}

}  // namespace crank::engine::local
