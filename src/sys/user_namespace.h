// User namespaces by descriptor (user_namespaces(7)). A namespace goes with the last process and
// the last descriptor in it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// `count` ids from `inside` on are those from `outside` on in the caller's namespace.
struct IdRange {
    std::uint32_t inside = 0, outside = 0, count = 0;
    bool operator==(const IdRange&) const = default;
};
struct IdMaps {
    std::vector<IdRange> uids, gids;
};

// A new namespace with these maps, without a process in it. Without the right to map ids that are
// not the caller's own, newuidmap(1) and newgidmap(1) are asked, who know /etc/subuid.
// permission_denied: ids that the caller may not map.
Result<UniqueFd> create_user_namespace(const IdMaps& maps);
// With a network namespace that belongs to it, whose settings its root may change.
struct UserNamespace {
    UniqueFd user, network;
};
Result<UserNamespace> create_user_namespace_with_network(const IdMaps& maps);

// Maps the ids of a process that is in a new namespace already, by the same rules.
Result<> map_ids_of(pid_t pid, const IdMaps& maps);

// Opens a namespace's file. invalid_argument: it is no user namespace, or the caller's own.
Result<UniqueFd> open_user_namespace(const std::string& path);
// Its maps as the caller's namespace sees them.
Result<IdMaps> maps_of_user_namespace(int namespace_fd);
// Of a process.
Result<IdMaps> maps_of_process(pid_t pid);
// Whether the process is in another namespace than the caller, by the name of its file below
// /proc/PID/ns ("user", "cgroup").
Result<bool> is_in_other_namespace(pid_t pid, const char* type);

}  // namespace crank::sys
