// From a plan to a running crank-shim: what every road to a container has in common. Internal to
// the room.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <map>
#include "base/error.h"

#include "runtime/plan.h"
#include "shim/wire.h"
#include "sys/child.h"
#include "sys/unique_fd.h"
#include "sys/user_namespace.h"

namespace crank::runtime {

// Bind sources become detached mounts: whatever happens to their paths from here on, the container
// gets what was named. The user namespace is the one that they are mapped to which are not mapped
// by themselves; -1: there is none.
struct MappedDevices {
    const std::vector<oci::Device>* devices = nullptr;  // of config.json, with what owns them
    std::vector<oci::IdMapping> uids, gids;
    std::string scratch;
    const std::map<std::string, int>* made = nullptr;  // LaunchRequest::made_mounts
};
Result<std::vector<sys::UniqueFd>> open_binds(Plan& plan, int user_namespace = -1,
                                              const MappedDevices& devices = {});
sys::IdMaps maps_of(const std::vector<oci::IdMapping>& uids,
                    const std::vector<oci::IdMapping>& gids);
std::vector<oci::IdMapping> mappings_of(const std::vector<sys::IdRange>& ranges);
// Whether the container's process is in a user namespace of its own, and that one's maps.
Result<> find_mappings(pid_t pid, JoinFacts& join);
// Takes out of a joiner's plan the namespaces that the process shares with crank, where crank is
// root of a user namespace: the host's network, for one, belongs to others, and to enter it again
// is refused.
Result<> leave_shared(Plan& plan, pid_t pid);
// Those of Plan::joined, which a joiner enters by itself, and the root. To be called while the
// process is known to be the one meant.
Result<std::vector<sys::UniqueFd>> open_namespaces_of(pid_t pid, const Plan& plan);

// Descriptors of ours by the slots they become; invalid ones are left out.
struct Handover {
    std::vector<std::pair<int, int>> fds;
    std::vector<std::string> environment = {};  // the shim's
    void add(int fd, int slot) {
        if (fd >= 0) fds.emplace_back(fd, shim::kFirstSlot + slot);
    }
};

struct Started {
    sys::UniqueFd control, memory;
    sys::Child shim;  // to be released where it outlives this process
};
// `plan_file`: where the plan lies, a new file; empty: in memory.
Result<Started> start_shim(const std::string& bytes, Handover handover, const HostFacts& facts,
                           bool new_session, const std::string& plan_file = "");
// The same with a plan that exists, and the words that say what is to be done with it.
Result<Started> start_shim_on(sys::UniqueFd plan, std::vector<std::string> words, Handover handover,
                              const HostFacts& facts, bool new_session);

// What the numbers of a plan's steps mean, for the error of one that failed: cannot_invoke and
// command_not_found for the program itself.
struct StepNames {
    std::string program;
    std::vector<std::string> names;
};
StepNames names_of(const Plan& plan, const std::string& program);
// What the kernel lacks, or a filter denies as if it did, is no fault of the container's.
Error hint_at_kernel(Error error);
Error explain_failure(const StepNames& steps, std::uint64_t step, int error_number);

}  // namespace crank::runtime
