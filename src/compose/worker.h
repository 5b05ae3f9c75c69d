// x-crank of a service: what Compose has no words for.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "compose/diagnostics.h"
#include "compose/native.h"
#include "compose/node.h"

namespace crank::compose {

struct Probe {
    std::string url;  // http, https, tcp or tls: ://[HOST]:PORT[/PATH]; empty: a healthcheck's
    // 0: not given
    std::chrono::nanoseconds interval{0}, timeout{0}, start_period{0}, start_interval{0};
    std::int64_t retries = 0;
    // Whether it is to be started again, asked apart from whether it is ready; empty: nobody asks.
    std::string live;
    std::int64_t live_retries = 0;
};

// The first new container of a change has a part of the requests before it takes its place.
struct Canary {
    int share = 0;  // percent, 1 to 99
    std::chrono::nanoseconds time = std::chrono::minutes(1);
    int errors = 5;  // percent of its answers beyond those of the others
    bool operator==(const Canary&) const = default;
};

struct Rollout {
    bool start_first = true;
    std::chrono::nanoseconds drain{0}, watch{0}, timeout{0};  // 0: not given
    // How long what was replaced stays frozen, where it may; 0: it goes at once.
    std::chrono::nanoseconds keep_warm = std::chrono::minutes(5);
    bool revert = true;
    std::optional<Canary> canary;
};

// A key and a certificate of the local authority's, in a directory that the worker reads.
struct Certificate {
    std::string name;       // who it is, a DNS label: the service's own name where none is given
    std::string directory;  // in the container; empty: what CERT_DIR says there
    std::vector<std::string> dns;  // beside the names that the service has on its networks
    std::int64_t days = 90;        // 1 to 398
};

struct WorkerOptions {
    std::vector<std::string> capabilities;  // of the worker, not of the kernel
    std::vector<std::string> egress;
    std::optional<Certificate> certificate;
    std::optional<NativeOptions> native;
    bool strict_sandbox = false;
    std::string on_unhealthy;  // as of `crank run --on-unhealthy`; empty: not given
    std::optional<Probe> probe;
    Rollout rollout;
};

// Of a normalised service; `path` names it in errors. Errors (with the place): a probe that is no
// URL, a name of a capability that is none, what no certificate can say, a native worker in a
// sandbox, those of native_options.
Result<WorkerOptions> worker_options(const Node& service, const std::string& path,
                                     const Diagnostics& diagnostics);

}  // namespace crank::compose
