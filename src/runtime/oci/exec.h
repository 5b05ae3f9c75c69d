// `exec`: another process in a container.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"
#include "runtime/oci/life.h"

namespace crank::runtime::oci_verbs {

struct ExecRequest {
    std::string id;
    // The whole process; nothing: the container's own, with what follows in its place.
    std::optional<oci::Process> process;
    std::vector<std::string> args;
    std::vector<std::string> env;  // added
    std::string cwd;               // empty: the container's
    std::optional<oci::User> user;
    std::vector<std::string> capabilities;  // added, but not to what it inherits
    std::optional<bool> terminal, no_new_privileges;
    // A group below the container's, "a/b"; with v1 also "memory,pids:a/b", of these controllers.
    std::string cgroup;
    bool ignore_paused = false;  // in a paused container it starts when that is resumed
    Caller caller;
};

struct Executed {
    pid_t pid = -1;
    bool terminal = false;
    std::vector<std::string> warnings;
};
// Started and recorded in the pid file; it is the caller's child, or its subreaper's.
Result<Executed> exec(Store& store, ExecRequest request, const HostFacts& facts);

}  // namespace crank::runtime::oci_verbs
