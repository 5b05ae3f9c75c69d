// What crank needs of a machine, looked at one by one: for a person who asks why something does not
// work, or whether it will.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/config.h"
#include "runtime/plan.h"

namespace crank::engine {

enum class Health : std::uint8_t {
    ok,
    warning,  // crank works, and something is slower, less safe or not there
    missing,  // what `why` names does not work
};
std::string_view name_of(Health health);

struct Check {
    std::string name;  // "cgroups"
    Health health = Health::ok;
    std::string found;   // what is there
    std::string why;     // what it is for
    std::string remedy;  // what to do; empty with ok
};

// The host itself. `host` is what probe_host() found. Nothing is changed.
std::vector<Check> check_host(const runtime::HostFacts& host);
// GPUs: CDI files, drivers, nodes, libraries, and what `--gpus all` would come to.
std::vector<Check> check_gpus(const Config& config, const runtime::HostFacts& host);

// Pure parts.
// "6.1.0-28-amd64" is at least major.minor.
bool is_kernel_at_least(std::string_view release, int major, int minor);

}  // namespace crank::engine
