// A base image without a registry: `crank image bootstrap` (Debian with Python, by mmdebstrap).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "build/build.h"
#include "oci/digest.h"
#include "runtime/plan.h"
#include "store/store.h"

namespace crank::build {

inline constexpr std::string_view kBootstrapReference = "localhost/crank/python:3.11-slim";
// What an alias in the configuration maps to it.
inline constexpr std::string_view kBootstrapAlias = "python:3.11-slim";

struct BootstrapRequest {
    std::string suite = "bookworm";
    // "http://mirror.example/debian"; empty: the host's apt configuration (host_mirror).
    std::string mirror;
    std::string reference{kBootstrapReference};
    std::optional<std::int64_t> source_date_epoch;  // absent: kDefaultEpoch
    // The caller's environment: mmdebstrap gets PATH, the proxies and nothing else.
    std::map<std::string, std::string> environment;
    std::string state_dir;
    runtime::HostFacts host;
    ProgressSink progress;  // StepStarted/StepOutput/StepFinished of "mmdebstrap", notes
    int cancel_fd = -1;
};

struct BootstrapOutcome {
    oci::Digest id;
    std::string reference;  // full
    std::string mirror;     // the one that was used
    int packages = 0;
    bool unchanged = false;  // the reference already named this very image
};

// The same packages give the same id. Needs root and mmdebstrap on PATH. Errors: unsupported (no
// mmdebstrap; no such suite), not_found (no mirror configured), permission_denied, step_failed (its
// last lines), cancelled.
Result<BootstrapOutcome> bootstrap(const BootstrapRequest& request, store::Store& store);

// The first `deb` entry for `suite` with component main in one-line style (sources.list) or
// deb822 style text; nothing where there is none. Pure.
std::optional<std::string> mirror_in(std::string_view sources, std::string_view suite);
// Over /etc/apt/sources.list, sources.list.d/*.list and *.sources. not_found with a hint.
Result<std::string> host_mirror(std::string_view suite);

}  // namespace crank::build
