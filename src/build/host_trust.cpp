#include "build/host_trust.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/text.h"
#include "build/pip_config.h"
#include "sys/file.h"

namespace crank::build {

namespace {

using Environment = std::map<std::string, std::string>;

constexpr const char* kBundle = "/run/crank/ca.crt";
constexpr const char* kHostBundle = "/etc/ssl/certs/ca-certificates.crt";
// Who reads a CA bundle from where: OpenSSL and Python, requests, pip, curl, node, git.
constexpr std::array kBundleVariables{"SSL_CERT_FILE",  "REQUESTS_CA_BUNDLE",  "PIP_CERT",
                                      "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO"};
constexpr std::array kProxyVariables{"http_proxy", "https_proxy", "ftp_proxy", "all_proxy",
                                     "no_proxy"};
constexpr std::size_t kMaxPipConfig = 1 << 20;

std::string find(const Environment& environment, const std::string& name) {
    auto found = environment.find(name);
    return found == environment.end() ? "" : found->second;
}

std::string to_upper(std::string text) {
    for (char& c : text)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return text;
}

// The host's own settings of pip, the stronger over the weaker: global files, the user's, the one
// that PIP_CONFIG_FILE names, the environment.
Result<PipSettings> pip_settings(const Environment& environment) {
    std::string home = find(environment, "HOME");
    std::string xdg = find(environment, "XDG_CONFIG_HOME");
    if (xdg.empty() && !home.empty()) xdg = home + "/.config";
    std::vector<std::string> files{"/etc/xdg/pip/pip.conf", "/etc/pip.conf"};
    if (!home.empty()) files.push_back(home + "/.pip/pip.conf");
    if (!xdg.empty()) files.push_back(xdg + "/pip/pip.conf");
    files.push_back(find(environment, "PIP_CONFIG_FILE"));
    PipSettings settings;
    for (const std::string& file : files) {
        if (file.empty() || file == "/dev/null") continue;
        auto text = sys::read_file(file, kMaxPipConfig);
        if (text)
            settings.merge(parse_pip_config(*text));
        else if (text.error().code() != Code::not_found)
            return fail(std::move(text).error());
    }
    settings.merge(pip_environment(environment));
    return settings;
}

class Collector {
public:
    HostTrust take() {
        std::ranges::sort(trust_.env);
        return std::move(trust_);
    }

    void set(const std::string& name, const std::string& value) {
        trust_.env.push_back(name + "=" + value);
    }

    void url_setting(const std::string& name, const std::string& value) {
        if (value.empty()) return;
        if (names_loopback(value))
            trust_.left_out.push_back(name);
        else
            set(name, value);
    }

    void bundle(const std::string& wanted) {
        std::string source = wanted.empty() ? kHostBundle : wanted;
        auto info = sys::stat(source);
        if (!info || !info->is_regular()) return;
        trust_.mounts.push_back({source, kBundle});
        for (const char* name : kBundleVariables) set(name, kBundle);
    }

    // Directories of wheels are lent; what is neither a directory here nor a URL says nothing.
    void find_links(const std::string& value) {
        std::vector<std::string> links;
        for (std::string& link : words(value)) {
            if (link.starts_with("http://") || link.starts_with("https://")) {
                if (names_loopback(link))
                    trust_.left_out.emplace_back("PIP_FIND_LINKS");
                else
                    links.push_back(link);
                continue;
            }
            if (link.starts_with("file://")) link = link.substr(7);
            auto real = sys::real_path(link);
            if (!link.starts_with('/') || !real || !sys::stat(*real) || !sys::stat(*real)->is_dir())
                continue;
            std::string destination = "/run/crank/find-links/" + std::to_string(links.size());
            trust_.mounts.push_back({*real, destination});
            links.push_back(destination);
        }
        if (!links.empty()) set("PIP_FIND_LINKS", join(links, " "));
    }

private:
    HostTrust trust_;
};

void add_proxies(Collector& collector, const Environment& environment) {
    for (const std::string name : kProxyVariables) {
        std::string value = find(environment, name);
        if (value.empty()) value = find(environment, to_upper(name));
        if (value.empty()) continue;
        // no_proxy is a list of hosts that need none: loopback belongs there.
        if (name == "no_proxy") {
            collector.set(name, value);
            collector.set(to_upper(name), value);
        } else {
            collector.url_setting(name, value);
            if (!names_loopback(value)) collector.set(to_upper(name), value);
        }
    }
}

}  // namespace

Result<HostTrust> collect_host_trust(const std::map<std::string, std::string>& environment) {
    PipSettings pip = TRY(pip_settings(environment));
    Collector collector;
    std::string bundle = pip.get("cert");
    for (const char* name : kBundleVariables)
        if (bundle.empty()) bundle = find(environment, name);
    collector.bundle(bundle);
    add_proxies(collector, environment);
    collector.url_setting("PIP_INDEX_URL", pip.get("index-url"));
    collector.url_setting("PIP_EXTRA_INDEX_URL", pip.get("extra-index-url"));
    collector.url_setting("PIP_PROXY", pip.get("proxy"));
    for (const auto& [key, name] :
         {std::pair{"trusted-host", "PIP_TRUSTED_HOST"}, std::pair{"no-index", "PIP_NO_INDEX"},
          std::pair{"default-timeout", "PIP_DEFAULT_TIMEOUT"}})
        if (std::string value = pip.get(key); !value.empty()) collector.set(name, value);
    collector.find_links(pip.get("find-links"));
    return collector.take();
}

}  // namespace crank::build
