// System call filters: what a container may ask of the kernel, and the program that decides it.
//
// SeccompFilter has the fields and the meaning of `linux.seccomp` in the OCI runtime specification
// (config-linux.md, "Seccomp"); compile() turns one into a classic BPF program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "policy/bpf.h"

namespace crank::policy {

enum class Architecture : std::uint8_t { x86_64, i386, aarch64, arm };
inline constexpr int kArchitectureCount = 4;

// The architecture that this program was built for.
constexpr Architecture native_architecture() {
#if defined(__x86_64__)
    return Architecture::x86_64;
#elif defined(__aarch64__)
    return Architecture::aarch64;
#else
#error "crank's system call filters know x86_64 and aarch64"
#endif
}

// What the kernel does with a call (seccomp(2), "Return values of filters").
enum class Action : std::uint8_t {
    kill_process,  // SIGSYS that cannot be caught, for the whole process
    kill_thread,   // and for the calling thread alone
    trap,          // SIGSYS that can be caught
    error,         // the call fails with errno_ret
    notify,        // a supervisor decides (a listener descriptor is needed)
    trace,         // a tracer decides, told errno_ret; without one the call fails with ENOSYS
    log,           // allowed, and logged
    allow,
};

enum class Compare : std::uint8_t {
    not_equal,
    less,
    less_or_equal,
    equal,
    greater_or_equal,
    greater,
    masked_equal,  // (argument & value) == value_two
    in_range,      // value <= argument <= value_two; not part of the specification
};

// A condition on one argument, compared as an unsigned 64-bit number: the register as it is, also
// where the call takes an int. On 32-bit architectures a register has 32 bits, and a value that is
// the 64-bit form of a negative number is that number in 32 bits.
struct ArgumentTest {
    unsigned index = 0;  // 0 to 5
    Compare compare = Compare::equal;
    std::uint64_t value = 0;
    std::uint64_t value_two = 0;

    bool operator==(const ArgumentTest&) const = default;
};

// Applies to every call in `names` for which all `tests` hold. Where an argument is tested twice,
// each test is a rule of its own, as runc and crun read the specification: one that holds is
// enough.
struct SyscallRule {
    std::vector<std::string> names;
    Action action = Action::allow;
    std::optional<unsigned> errno_ret;  // for error and trace, 0 to 4095; EPERM when absent
    std::vector<ArgumentTest> tests;
};

// What happens to calls that a deny-by-default filter could not have meant, because they are newer
// than it. ENOSYS makes libraries fall back to an older call; EPERM makes programs fail. A filter
// that allows by default is left alone.
enum class NewerCalls : std::uint8_t {
    as_default,
    enosys_above_named,  // numbers above the highest that the filter names (as runc does)
    enosys_if_unknown,   // numbers that the system call table does not hold
};

struct SeccompFilter {
    Action default_action = Action::error;
    std::optional<unsigned> default_errno_ret;  // EPERM when absent
    // "SCMP_ARCH_X86" and so on. The native architecture is always meant. Of the others only those
    // that the native kernel can run matter; calls of one that is not listed kill the process.
    std::vector<std::string> architectures;
    // For one call a rule without tests goes before all rules with tests; among equals the first
    // that matches decides.
    std::vector<SyscallRule> rules;
    NewerCalls newer_calls = NewerCalls::enosys_above_named;
};

struct CompiledFilter {
    std::vector<BpfInstruction> program;
    // Names in the filter that no supported architecture has: ignored, as the specification asks,
    // and worth a warning. Sorted, each once.
    std::vector<std::string> unknown_names;
};

// The actions' and operators' names in the specification: "SCMP_ACT_ERRNO", "SCMP_CMP_EQ".
// Error: invalid_argument, naming the word.
Result<Action> parse_action(std::string_view name);
Result<Compare> parse_compare(std::string_view name);

// For the kernel of `native`. On i386, a rule without tests for a call that also goes through
// socketcall or ipc covers that way too, as in libseccomp. The x32 numbers of x86_64 always get
// ENOSYS, whatever the filter says: no distribution ships x32, and half-tested entry points are not
// worth keeping open. Error: invalid_argument for an argument index above 5, an errno above 4095, a
// rule without names, an empty or unknown architecture word; exhausted for more than 4096
// instructions.
Result<CompiledFilter> compile(const SeccompFilter& filter,
                               Architecture native = native_architecture());

}  // namespace crank::policy
