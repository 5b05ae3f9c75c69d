// Cgroups as the parent makes, fills and removes them.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/undo.h"
#include "runtime/plan.h"
#include "sys/unique_fd.h"

namespace crank::runtime {

// Creates the plan's groups and writes their limits; `undo` removes them again. On v2 the
// controllers that the limits need are enabled on the way down.
Result<> create_cgroups(const Plan& plan, const HostFacts& facts, Undo& undo);
// v2: the group's directory, for CLONE_INTO_CGROUP. Invalid on v1.
Result<sys::UniqueFd> open_cgroup(const Plan& plan, const HostFacts& facts);

// The directory of a controller's group, with v2 of the one group; empty: this host has none.
std::string group_dir(std::string_view controller, const std::string& cgroups_path,
                      const HostFacts& facts);
// A process that outlives the command and belongs to no container.
Result<> put_among_monitors(pid_t pid, const HostFacts& facts);
// Every directory that a container's group may have, whether it is there or not.
std::vector<std::string> group_dirs(const std::string& cgroups_path, const HostFacts& facts);
// Whether the directory lies in the v2 hierarchy that stands beside v1's.
bool is_beside_v1(const HostFacts& facts, const std::string& dir);
// Of the group whose directory it is, and of those below it not.
std::vector<pid_t> processes_in(int dir_fd);
// One group with what is missing above it; a cpuset is given what the groups above have.
Result<> make_group(const HostFacts& facts, const std::string& dir);
// v2: whether the plan writes to files of other controllers than cpu, memory and pids.
bool needs_unusual_controllers(const Plan& plan);
// v2: enables the controllers that the plan's writes need on the way down to `dir`, and the usual
// ones. unsupported: the host has no such controller.
Result<> enable_for(const Plan& plan, const std::string& dir, const HostFacts& facts);
// Of a container, v1: the groups that limits made beside those that every container has.
std::vector<std::string> existing_limit_dirs(const std::string& cgroups_path,
                                             const HostFacts& facts);

}  // namespace crank::runtime
