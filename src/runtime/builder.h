// How plans are put together: steps with their text, in order.
#pragma once

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/plan.h"

namespace crank::runtime {

class Builder {
public:
    explicit Builder(Plan& plan) : plan_(plan) {
        if (plan_.text.empty()) plan_.text.push_back('\0');  // offset 0 is the empty string
    }

    std::uint32_t text(std::string_view value) {
        if (value.empty()) return 0;
        auto offset = static_cast<std::uint32_t>(plan_.text.size());
        append(value);
        return offset;
    }

    std::uint32_t list(std::span<const std::string> values) {
        auto offset = static_cast<std::uint32_t>(plan_.text.size());
        for (const auto& value : values) append(value);
        return offset;
    }

    // Raw, aligned to 8 bytes.
    template <class T>
    std::uint32_t array(std::span<const T> values) {
        while (plan_.text.size() % 8 != 0) plan_.text.push_back('\0');
        auto offset = static_cast<std::uint32_t>(plan_.text.size());
        plan_.text.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
        return offset;
    }

    shim::Op& add(shim::OpKind kind, std::string description) {
        plan_.child.push_back({shim::Op{kind}, std::move(description)});
        return plan_.child.back().op;
    }

    Plan& plan() { return plan_; }
    // Binds are counted before the first step (plan()), and taken one by one.
    std::size_t next_bind() { return binds_taken_++; }

private:
    void append(std::string_view value) {
        plan_.holds_nul = plan_.holds_nul || value.find('\0') != std::string_view::npos;
        plan_.text.append(value);
        plan_.text.push_back('\0');
    }

    Plan& plan_;
    std::size_t binds_taken_ = 0;
};

// What stands between the process's set-up and its program where it is handed over.
struct HandOver {
    bool on = false;
    bool no_program = false;  // the configuration has no process: what waits can only fail
    int start_socket_slot = shim::kNoSlot;
    int first_preserved_slot = shim::kNoSlot;
    std::uint32_t preserved_fds = 0;
    std::vector<std::uint32_t> missing_fds = {};
    bool rights_taken = false;          // plan_hosts_rights came before
    int listener_slot = shim::kNoSlot;  // where a filter's goes; none: to whoever starts it
};

// Of a user namespace (plan_user.cpp).
struct IdMappings {
    std::vector<oci::IdMapping> uids, gids;
};
// The host's id; nothing: the namespace has no such id.
std::optional<std::uint32_t> host_id(const std::vector<oci::IdMapping>& maps, std::uint32_t id);
// 0, or where that is not mapped the first id that is: who makes the container.
std::uint32_t root_id(const std::vector<oci::IdMapping>& maps);
Result<> check_mappings(const std::vector<oci::IdMapping>& maps, const std::string& field);
// invalid_argument, naming the field: an id of the user's that the namespace does not have.
Result<> check_mapped(const oci::User& user, const IdMappings& maps);
bool has_user_namespace(const oci::RuntimeSpec& spec);
Result<> check_user_namespace(const oci::RuntimeSpec& spec, const Given& given);
// The same container with mounts said in other words: what a user namespace forbids, the
// container's or crank's own, and what would show the host's groups.
bool needs_other_mounts(const oci::RuntimeSpec& spec, const HostFacts& facts);
oci::RuntimeSpec with_other_mounts(oci::RuntimeSpec spec, const HostFacts& facts);
// Whether the mount is what that made of the host's /proc, whose processes the container shares.
bool shows_hosts_proc(const oci::RuntimeSpec& spec, const HostFacts& facts,
                      const oci::Mount& mount);
// Whether the container has no mount namespace of its own and a root all the same.
bool shares_mounts(const oci::RuntimeSpec& spec, const Given& given);
// invalid_argument: what would let it leave its root, or what means nothing there.
Result<> check_shared_mounts(const oci::RuntimeSpec& spec);
// Of a process that joins it.
Result<> check_shared_rights(const oci::CapabilitySets& sets, const std::string& field);
// Its mounts have no peers as they are: what says so is left out.
void drop_private(std::vector<oci::Mount>& mounts);
// All up to the child's clone, and that the child takes the namespace's ids.
Result<> plan_between(Builder& builder, const oci::RuntimeSpec& spec, const HostFacts& facts,
                      const Given& given);
void take_mapped_ids(Builder& builder, const IdMappings& maps);
// What takes rights that only the host's own user namespace gives.
Result<> plan_hosts_rights(Builder& builder, const oci::Process& process);
// Scheduler and I/O priority.
Result<> add_scheduler(Builder& builder, const oci::Process& process);
// Of a process that is handed over: execCPUAffinity.final, or all processors.
Result<> add_cpu_affinity(Builder& builder, const oci::Process& process);
Result<> check_cpu_affinity(const oci::Process& process);
void add_oom_score(Builder& builder, const oci::Process& process);
void enter_joined(Builder& builder, std::size_t index);
void make_time_namespace(Builder& builder, const oci::RuntimeSpec& spec);
// So many binds the root and the devices of a user namespace take.
std::size_t count_bound_nodes(const oci::RuntimeSpec& spec, const HostFacts& facts,
                              const Given& given);
// And so many all that the parent opens.
Result<std::size_t> count_binds(const oci::RuntimeSpec& spec, const HostFacts& facts,
                                const Given& given);
std::string without_trailing_slashes(std::string path);

// The parts of plan(), each in its own file.
Result<> plan_cgroups(Builder& builder, const oci::RuntimeSpec& spec, const HostFacts& facts);
// What the shim does before the clone; the first steps of all.
Result<> plan_before_clone(Builder& builder, const oci::RuntimeSpec& spec, const Given& given);
Result<> plan_namespaces(Builder& builder, const oci::RuntimeSpec& spec, const Given& given);
Result<> plan_mounts(Builder& builder, const oci::RuntimeSpec& spec, const HostFacts& facts,
                     const Given& given);
Result<> plan_root(Builder& builder, const oci::RuntimeSpec& spec, const Rootfs& rootfs,
                   const Options& options, const HostFacts& facts, const Given& given);
// Of it the layers alone, on Options::mount_point.
Result<> mount_layers(Builder& builder, const oci::RuntimeSpec& spec, const Rootfs& rootfs,
                      const Options& options, const HostFacts& facts, const Given& given);
Result<> plan_process(Builder& builder, const oci::Process& process,
                      const std::optional<oci::Seccomp>& seccomp, bool default_seccomp, bool init,
                      const HandOver& hand_over = {}, const std::string& program = "",
                      const std::optional<Confinement>& confinement = std::nullopt);
// A process that keeps the caller's identity and rights (Options::keep_rights). `program` is what
// is executed, whatever its first argument says; empty: the first argument.
Result<> plan_callers_process(Builder& builder, const oci::Process& process,
                              const std::string& program = "");
// linux.memoryPolicy; invalid_argument names what is wrong with it.
Result<> plan_memory_policy(Builder& builder, const std::optional<oci::MemoryPolicy>& policy);
// linux.personality.
void plan_personality(Builder& builder, const std::optional<std::string>& personality);
bool has_home(const oci::Process& process);
// The descriptors 0, 1 and 2: a terminal, or pipes.
struct Stdio {
    bool stdin_read = false, hand_over = false, plain_lines = false;
};
void plan_stdio(Builder& builder, const oci::Process& process, const Stdio& stdio);
// The v1 `tasks` files of a container, one a hierarchy.
std::vector<std::string> v1_cgroup_dirs(const HostFacts& facts, const std::string& cgroups_path);
std::string v2_cgroup_dir(const HostFacts& facts, const std::string& cgroups_path);
Result<> check_cgroups_path(const std::string& cgroups_path);
// What the monitor asks of the groups once the container has ended.
std::vector<CgroupFact> end_facts(const HostFacts& facts, const std::string& cgroups_path);
// The writes for limits alone, for a container that runs.
Result<> plan_limits(Builder& builder, const oci::Resources& resources, const HostFacts& facts);
// The controller that writes to the v2 hierarchy beside v1 are named by.
inline constexpr std::string_view kUnified = "unified";
// The file of a group that a process joins it by: of v2 another than of v1.
std::string entry_of(const HostFacts& facts, const std::string& dir);
bool wants_limits(const oci::Resources& resources);
// v1's shares of a processor as v2's weight.
std::uint64_t cpu_weight(std::uint64_t shares);
// The groups of v1 controllers that a container joins only where they limit something, with the
// controller's name; whether they exist or not.
std::vector<std::pair<std::string, std::string>> v1_limit_dirs(const HostFacts& facts,
                                                               const std::string& cgroups_path);
// With --cgroup: the groups below.
std::vector<std::string> v1_dirs_to_join(const HostFacts& facts, const JoinFacts& join);
// Whether a cgroup decides which devices the container's processes may open. Where none does, what
// it must not open must not be a device: no CAP_MKNOD, and no devices in the image's layers.
bool controls_devices(const HostFacts& facts, const std::string& cgroups_path);

}  // namespace crank::runtime
