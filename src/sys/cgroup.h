// What cgroups need beyond reading and writing files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace crank::sys {

// rmdir; a missing directory is no error, one with processes is in_use.
Result<> remove_cgroup_dir(const std::string& dir);
// A group and those below it, which whoever lives in it may have made; the deepest first. Empty:
// there is no such group. exhausted: more than 10,000 of them.
Result<std::vector<std::string>> cgroup_tree(const std::string& dir);

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
