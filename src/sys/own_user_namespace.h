// The user namespace that this process is in itself, and leaving it for good (user_namespaces(7)).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "sys/user_namespace.h"

namespace crank::sys {

struct OwnUserNamespace {
    bool initial = true;             // the machine's own, where every id is what it seems
    std::uint32_t largest_gid = ~0;  // the last group that exists in it
};
// By /proc/self/uid_map and gid_map.
Result<OwnUserNamespace> own_user_namespace();

// The process becomes root of a new user namespace with these maps, with a mount namespace of its
// own that gets the host's mounts and gives none back. It must have one thread. Ids that are not
// the caller's own take newuidmap(1) and newgidmap(1), as in create_user_namespace().
// permission_denied: the host lets nobody make one, or the ids are not the caller's to map.
Result<> become_root_of_new_user_namespace(const IdMaps& maps);
// The same in a namespace that exists: the caller's, or one below.
Result<> become_root_of_user_namespace(int namespace_fd);
// Who made it, as an id of the calling process's namespace.
Result<uid_t> owner_of_user_namespace(int namespace_fd);

// By access(2): the mode and the mount.
bool may_write(const std::string& path);

// A copy of this process, which must have one thread, in a session of its own: in a new network
// namespace, without a descriptor but `keep` and the three standard ones, which lead nowhere,
// without capabilities, and called `name`. It does `work` and ends. Its pid, once it is in the
// namespace.
Result<pid_t> start_keeper(const char* name, int keep, const std::function<void()>& work);

}  // namespace crank::sys
