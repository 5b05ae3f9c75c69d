// crank without root (decision 30): the user namespace in which an ordinary user's commands work.
//
// One per user and state directory. Its keeper, a process that does nothing, holds it and the
// network namespace of its bridge for as long as a command or a container is in it. What was
// written by whom stands in the state directory:
//   namespace        pid and start time of the keeper
//   namespace.lock   held shared by whoever is in the namespace; the keeper waits for it
//   namespace.start  held by the command that makes a namespace
//   egress/net       a link to the network namespace, whose removal ends pasta
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/paths.h"
#include "sys/unique_fd.h"
#include "sys/user_namespace.h"

namespace crank::engine {

// Ids of /etc/subuid or /etc/subgid, a line each: "name:first:count", subuid(5). Pure. Lines that
// make no sense are left out, as newuidmap does.
std::vector<sys::IdRange> sub_ids_of(std::string_view file, std::string_view user,
                                     std::uint32_t id);
// 0 is the user, 1 and so on the ranges in their order. Pure.
std::vector<sys::IdRange> map_below(std::uint32_t own, std::vector<sys::IdRange> ranges);

// What the caller may map, by /etc/passwd, /etc/subuid and /etc/subgid.
struct SubIds {
    std::string user;  // its name, or its number where it has none
    std::vector<sys::IdRange> uids, gids;
    bool whole() const { return !uids.empty() && !gids.empty(); }
};
SubIds own_sub_ids();
// What the user's namespace maps: all of them, or himself alone.
sys::IdMaps own_maps();

struct Entered {
    sys::UniqueFd lock;  // the namespace stays while this is held
    // The user has no subordinate ids: nobody exists in it but root.
    bool single = false;
    std::string user;  // his name
};
// Of an ordinary user, before anything is opened: the process is root of its namespace afterwards.
// permission_denied: this host or this user's entries do not allow it, with the remedy.
Result<Entered> enter_user_namespace(const Paths& paths);

// The root and state directories, where they exist, belong to the caller, and nobody else may write
// to them (or, where the directory is one like /tmp, has). An ordinary user's are made where they
// are missing.
Result<> check_directories(const Paths& paths);

// Whether this process has entered a namespace of crank's, and then: what holds it beyond this
// process, and the network namespace that its containers' bridge lies in.
struct Kept {
    sys::UniqueFd lock, network;
};
Result<std::optional<Kept>> find_kept(const Paths& paths);

}  // namespace crank::engine
