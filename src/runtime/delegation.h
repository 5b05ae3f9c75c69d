// Groups of cgroup v2 that an ordinary user may make, because a part of the hierarchy was given to
// him: by his own systemd, or by whoever started the caller (kernel, cgroup-v2.rst, "Delegation").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace crank::runtime {

// Paths below the hierarchy's mount.
struct Delegation {
    std::string root;    // what was given: controllers are enabled from here on
    std::string parent;  // below it are the groups of the containers and of their monitors
    bool operator==(const Delegation&) const = default;
};

// The path in v2's hierarchy of the process whose /proc/PID/cgroup this is. Pure.
std::string v2_path_of(std::string_view proc_cgroup);
// "/user.slice/user-1000.slice/user@1000.service" where the path lies below such a unit. Pure.
std::optional<std::string> users_manager_of(std::string_view path);

// What this process may use as it is. `mount`: the hierarchy's.
std::optional<Delegation> find_delegation(const std::string& mount);

// Of an ordinary user, before he becomes root of his namespace: makes a place for containers where
// that is possible, and takes this process to where it may start processes there. `runtime_dir`:
// $XDG_RUNTIME_DIR, or empty. What fails leaves the host without groups that he may use.
Result<> take_delegation(std::uint32_t uid, const std::string& runtime_dir);

}  // namespace crank::runtime
