// How plans are put together: steps with their text, in order.
#pragma once

#include <cstring>
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

private:
    void append(std::string_view value) {
        plan_.holds_nul = plan_.holds_nul || value.find('\0') != std::string_view::npos;
        plan_.text.append(value);
        plan_.text.push_back('\0');
    }

    Plan& plan_;
};

// What stands between the process's set-up and its program where it is handed over.
struct HandOver {
    bool on = false;
    bool no_program = false;  // the configuration has no process: what waits can only fail
    int start_socket_slot = shim::kNoSlot;
    int first_preserved_slot = shim::kNoSlot;
    std::uint32_t preserved_fds = 0;
};

// The parts of plan(), each in its own file.
Result<> plan_cgroups(Builder& builder, const oci::RuntimeSpec& spec, const HostFacts& facts);
// What the shim does before the clone; the first steps of all.
Result<> plan_before_clone(Builder& builder, const oci::RuntimeSpec& spec, const Given& given);
Result<> plan_namespaces(Builder& builder, const oci::RuntimeSpec& spec, const Given& given);
Result<> plan_root(Builder& builder, const oci::RuntimeSpec& spec, const Rootfs& rootfs,
                   const Options& options, const HostFacts& facts, const Given& given);
Result<> plan_process(Builder& builder, const oci::Process& process,
                      const std::optional<oci::Seccomp>& seccomp, bool default_seccomp, bool init,
                      const HandOver& hand_over = {});
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
// The writes for limits alone, for a container that runs.
void plan_limits(Builder& builder, const oci::Resources& resources, const HostFacts& facts);
// Whether a cgroup decides which devices the container's processes may open. Where none does, what
// it must not open must not be a device: no CAP_MKNOD, and no devices in the image's layers.
bool controls_devices(const HostFacts& facts, const std::string& cgroups_path);

}  // namespace crank::runtime
