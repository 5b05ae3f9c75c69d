// What RUN steps may borrow from the host so that `pip install` works behind a proxy or with a
// private package index: settings for the time of the build, of which nothing stays in the image.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"

namespace crank::build {

// A file or directory of the host that a RUN step sees read-only.
struct HostTrustMount {
    std::string source;       // absolute on the host
    std::string destination;  // absolute in the container, below /run/crank
    bool operator==(const HostTrustMount&) const = default;
};

struct HostTrust {
    std::vector<std::string> env;  // NAME=value, sorted
    std::vector<HostTrustMount> mounts;
    // The host's network is needed: an index or a proxy listens on one of its loopback addresses.
    // Such a setting is left out, and named here for a warning.
    std::vector<std::string> left_out;
    bool operator==(const HostTrust&) const = default;
};

// From the caller's environment and pip's own configuration files (/etc/pip.conf,
// $XDG_CONFIG_HOME/pip/pip.conf, ~/.pip/pip.conf, $PIP_CONFIG_FILE): package indexes, find-links
// directories, proxies (both cases of letters) and the CA bundle. Reads files, starts nothing.
Result<HostTrust> collect_host_trust(const std::map<std::string, std::string>& environment);

}  // namespace crank::build
