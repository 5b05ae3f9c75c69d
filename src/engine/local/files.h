// The files that crank writes for a container and mounts over the image's: /etc/hosts,
// /etc/hostname, /etc/resolv.conf.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/options.h"

namespace crank::engine::local {

// `address` empty: the container has no network but lo.
std::string hosts_text(std::string_view hostname, std::string_view address);
// Lines of --add-host. Errors: invalid_argument for host-gateway without a gateway.
Result<std::string> extra_hosts_text(const std::vector<ExtraHost>& hosts, std::string_view gateway);
// What --dns, --dns-search and --dns-option say instead of lines of `text`.
std::string with_dns_settings(const std::string& text, const Settings& settings);

struct ResolvConf {
    std::string text;
    int name_servers = 0;
};
// The host's without name servers on its loopback addresses, which a network of the container's
// own does not reach, and without IPv6 ones, which the bridge does not.
ResolvConf resolv_conf_for_bridge(std::string_view host_text);

// Of every kind, in their order.
std::vector<std::string> name_servers_of(std::string_view resolv_conf);

struct FilesRequest {
    std::string dir;  // the container's in the state directory: they are made anew at each start
    std::string hostname, address;
    NetworkMode network = NetworkMode::bridge;
    std::optional<ids::Range> ids = {};  // whose root they belong to
    std::string resolver = {};           // instead of the host's name servers; empty: these
    std::string gateway = {};            // the machine, as the container reaches it; empty: not
    bool answers_names = false;          // the resolver is the monitor, which asks others itself
    std::vector<std::string> more_addresses = {};  // of other networks, and IPv6
    const Settings& settings;                      // --add-host, --dns and its kind
};
// Adds a warning where no name server is left.
Result<> write_files(const FilesRequest& request, std::vector<std::string>& warnings);

}  // namespace crank::engine::local
