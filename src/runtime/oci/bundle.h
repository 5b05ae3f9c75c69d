// A bundle: a directory with config.json and, by it, the root file system.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"
#include "runtime/plan.h"
#include "runtime/scope.h"
#include "sys/netns.h"

namespace crank::runtime::oci_verbs {

struct Bundle {
    std::string dir;        // absolute, without links
    oci::RuntimeSpec spec;  // with an absolute root, absolute bind sources, and a cgroups path
    std::string text;       // config.json for later commands: `spec` again
    std::vector<std::string> ignored;               // fields that crank does not know
    std::optional<Scope> scope;                     // that its cgroups path is
    sys::NetworkNamespaceToCome network_namespace;  // begun where it will have a new one
};

// Who makes a container's groups: crank, or systemd as a scope (--systemd-cgroup).
enum class GroupManager : std::uint8_t { files, systemd };

// `config`: the configuration's file, from the bundle on; empty: config.json. `id` names the cgroup
// where the configuration does not. Errors: not_found without configuration or root file system,
// invalid_argument with the field, unsupported where systemd cannot make the groups.
Result<Bundle> load_bundle(const std::string& dir, const std::string& config, const std::string& id,
                           GroupManager manager, const HostFacts& facts);

// Limits of 0, which callers write where they mean none, become absent.
oci::Resources without_zeros(oci::Resources resources);

}  // namespace crank::runtime::oci_verbs
