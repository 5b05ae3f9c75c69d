// Containers that another OCI runtime makes, in the hands of crank's monitor.
#pragma once

#include "base/error.h"
#include "policy/seccomp.h"
#include "runtime/runtime.h"

namespace crank::runtime {

// launch() calls it where the request names another runtime.
Result<Running> launch_other(LaunchRequest request, const HostFacts& facts);

// A second process, attended by that runtime's `exec`, which stays as long as it.
struct OtherJoinRequest {
    std::vector<std::string> words;  // the command, with its absolute path
    oci::Process process;            // of it the terminal alone counts
    std::vector<std::string> remove_after;
    sys::UniqueFd stdin_read, stdout_write, stderr_write;  // invalid: /dev/null
};
Result<Running> join_other(OtherJoinRequest request, const HostFacts& facts);

// A filter in the words of linux.seccomp: ranges become a rule for each of their values.
oci::Seccomp seccomp_words(const policy::SeccompFilter& filter);

}  // namespace crank::runtime
