// From an image's configuration and what a person asked for to the OCI runtime configuration: pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/options.h"
#include "oci/image.h"
#include "oci/runtime_spec.h"
#include "oci/seccomp_profile.h"
#include "oci/users.h"
#include "policy/capability.h"
#include "runtime/plan.h"

namespace crank::engine::local {

struct SpecRequest {
    const oci::ImageConfig& image;
    const RunOptions& options;
    const runtime::HostFacts& host;
    oci::UserEntry user;
    std::string id;
    // Holds `hosts`, `hostname` and `resolv.conf`, which are mounted over the image's.
    std::string files_dir;
    // The container's own, also where those files are another's: secrets stand below it.
    std::string own_files_dir = {};
    std::string host_name;  // the machine's, for --network host
    // With a user namespace of its own: the host's ids that its own are.
    std::optional<ids::Range> ids = {};
    // What crank itself may do: nobody can be given more.
    policy::CapabilitySet held = policy::kAllCapabilities;
    std::vector<std::uint32_t> added_groups = {};  // --group-add
    // What a profile's conditions ask for; the capabilities are filled in here.
    oci::SeccompWorld seccomp_world = {};
    // The processors that have files of their own to mask; 0: the host has no such files.
    unsigned masked_cpus = 0;
};

struct SpecResult {
    oci::RuntimeSpec spec;
    std::vector<std::string> entrypoint;  // the first of process.args
    std::string hostname;                 // the container's, or the machine's that it shares
    std::string user;                     // as asked for, by the command line or the image
    std::int64_t shm_size = 0;            // bytes
    std::vector<std::string> warnings;
    std::optional<runtime::Confinement> confinement;  // with Sandbox::strict
};

// Errors: invalid_argument (no command, a working directory that is not absolute, limits out of
// range), unsupported (a limit that the host cannot apply, with Limits::strict).
Result<SpecResult> make_spec(const SpecRequest& request);

// Parts of it, for `exec` and tests.

// `given` over `base`, in order; "NAME" alone removes.
std::vector<std::string> merge_env(std::vector<std::string> base,
                                   const std::vector<std::string>& given);
// The container's environment before HOME: PATH, HOSTNAME, TERM, what `limits` says, the image's,
// the user's.
std::vector<std::string> container_env(const oci::ContainerConfig& image, const RunOptions& options,
                                       std::string_view hostname,
                                       const std::vector<std::string>& limits);
// Variables that tell libraries their CPU quota; none where there is no quota.
std::vector<std::string> limit_variables(const oci::Resources& resources);
// What a process may ever have: the sandbox's, --cap-add, --cap-drop, --privileged. Errors:
// permission_denied for what crank does not have itself.
Result<policy::CapabilitySet> bounding_set(const RunOptions& options, policy::CapabilitySet held);
// Root has all that is in the bounding set, others nothing.
oci::CapabilitySets capability_sets(std::uint32_t uid, std::vector<std::string> bounding);
// --ulimit.
std::vector<oci::Rlimit> rlimits_of(const Settings& settings);
// Of RunOptions::settings what stands in the process and beside it. To be called last: it takes
// back what others have closed.
Result<> apply_settings(const SpecRequest& request, SpecResult& result);
// The sandbox's and the settings' claims that exclude each other.
Result<> check_settings(const RunOptions& options);
// One range from 0 on.
std::vector<oci::IdMapping> mapping_of(std::uint32_t first, std::uint32_t size);
std::vector<oci::Mount> make_mounts(const SpecRequest& request, std::int64_t shm_size);
// Of Sandbox::strict: what may be written to are the user's mounts and /dev/shm, what may be bound
// are the published ports and those that the image exposes.
runtime::Confinement make_confinement(const SpecRequest& request,
                                      const std::vector<oci::Mount>& mounts);
// What is at odds with Sandbox::strict.
Result<> check_sandbox(const RunOptions& options);
Result<oci::Resources> make_resources(const SpecRequest& request,
                                      std::vector<std::string>& warnings);

}  // namespace crank::engine::local
