// What cgroups need beyond reading and writing files.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace crank::sys {

// rmdir; a missing directory is no error, one with processes is in_use.
Result<> remove_cgroup_dir(const std::string& dir);
// What is done at a group and those below it, which whoever lives in them may have made, in any
// number and beyond any path's length.
struct GroupVisit {
    // Each of them, after those below it; `fd` is its directory, `path` is for messages.
    std::function<Result<>(int fd, const std::string& path)> at;
    // Each but the first, once it is left: `above` is the directory that `name` lies in.
    std::function<Result<>(int above, const char* name)> below;
};
// A missing group is no error. in_use: whoever lives there moves groups while they are walked.
Result<> walk_groups(const std::string& dir, const GroupVisit& visit);
// in_use: there are processes in one of them.
Result<> remove_group_tree(const std::string& dir);

// As in v1's devices.allow and devices.deny: type 'a', 'b' or 'c'; -1: any number; access: some of
// "rwm" (empty: all).
struct DeviceRule {
    bool allow = false;
    char type = 'a';
    std::int64_t major = -1, minor = -1;
    std::string access;
};
// v2 has no devices controller: a BPF program of type CGROUP_DEVICE decides (Linux 4.15). The last
// rule that matches wins, what no rule matches is denied.
Result<> attach_device_program(const std::string& cgroup_dir, const std::vector<DeviceRule>& rules);

}  // namespace crank::sys
