// A container's cgroups by their path: freezing, signals, processes, limits, usage.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"
#include "runtime/plan.h"

namespace crank::runtime::oci_verbs {

bool is_frozen(const std::string& cgroups_path, const HostFacts& facts);
// Returns when every process of the group is frozen, or goes on. unsupported: no freezer here.
Result<> set_frozen(const std::string& cgroups_path, bool frozen, const HostFacts& facts);
// A process that somebody has put into a freezer group of v1 other than the container's does not
// die there of SIGKILL while that group is frozen: it comes back into its own.
void take_back(const std::string& cgroups_path, pid_t pid, const HostFacts& facts);
// Ascending, in the caller's view.
Result<std::vector<pid_t>> processes(const std::string& cgroups_path, const HostFacts& facts);
// To every process of the group; none is no error.
Result<> signal_group(const std::string& cgroups_path, int signal, const HostFacts& facts);
// Writes new limits; what is not given stays. The first that the host cannot apply is an error, and
// the ones before it are put back.
Result<> update_limits(const std::string& cgroups_path, const oci::Resources& resources,
                       const HostFacts& facts);
// The line of `events --stats` (runc's layout).
Result<std::string> stats_json(const std::string& id, const std::string& cgroups_path,
                               const HostFacts& facts);

}  // namespace crank::runtime::oci_verbs
