// What a container may do when nobody says otherwise: capabilities, hidden paths, system calls.
//
// The data stand in the top-level policy/*.json, each rule with its why. They are compiled into
// the program when it is built, as constants: no file is read and no constructor runs at start.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "policy/bpf.h"
#include "policy/capability.h"
#include "policy/seccomp.h"

namespace crank::policy {

// policy/capabilities.json: Docker's default set. Bounding, effective and permitted sets of a
// process that runs as uid 0; nobody gets inheritable or ambient capabilities from it.
CapabilitySet default_capabilities();

// policy/paths.json. Absolute paths in the container, in order of name; what the kernel at hand
// does not have is to be skipped (ENOENT). Static storage.
std::span<const std::string_view> masked_paths();
std::span<const std::string_view> readonly_paths();
// The masked paths that exist once per CPU, for CPUs 0 to possible_cpus - 1. Only hosts with
// hardware throttling counters have them: look for that of CPU 0 before mounting over any.
std::vector<std::string> masked_cpu_paths(unsigned possible_cpus);

// A seccomp program, either a constant of this executable or compiled for the occasion.
class SeccompProgram {
public:
    explicit SeccompProgram(std::span<const BpfInstruction> constant) : constant_(constant) {}
    explicit SeccompProgram(std::vector<BpfInstruction> compiled)
        : compiled_(std::move(compiled)) {}
    // Valid as long as this object; each instruction has the layout of struct sock_filter.
    std::span<const BpfInstruction> instructions() const {
        return compiled_.empty() ? constant_ : std::span<const BpfInstruction>(compiled_);
    }

private:
    std::span<const BpfInstruction> constant_;
    std::vector<BpfInstruction> compiled_;
};

// policy/seccomp-default.json for a container with this bounding set, for the architecture this
// program was built for and its 32-bit sibling. Free for default_capabilities(); otherwise
// compiled in well under a millisecond. Error: internal, if the compiled program outgrows the
// kernel's limit of 4096 instructions (no set does).
Result<SeccompProgram> default_seccomp_program(CapabilitySet bounding);

// What the program does with the native call when its arguments are 0.
Result<Action> action_on(std::span<const BpfInstruction> program, std::string_view call);

// policy/seccomp-strict.json, for a container without capabilities: what a service needs and no
// more. Static storage.
std::span<const BpfInstruction> strict_seccomp_program();

// The same as rules by name, for those who add to it or show it.
SeccompFilter default_seccomp_filter(CapabilitySet bounding, Architecture native);

// The name of a call by its number and AUDIT_ARCH_* (linux/audit.h); nothing where it has none.
std::optional<std::string_view> call_name(long number, std::uint32_t audit_architecture);

// policy/seccomp-net.json, for crank-net itself: what it may do while it reads what registries
// send. Static storage.
std::span<const BpfInstruction> network_seccomp_program();

// policy/seccomp-gateway.json, for crank-gateway itself. Static storage.
std::span<const BpfInstruction> gateway_seccomp_program();

}  // namespace crank::policy
