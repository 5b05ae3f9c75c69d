// Runs a seccomp program in this process, for tests and for explaining a decision.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "policy/bpf.h"

namespace crank::policy {

// The layout of struct seccomp_data (linux/seccomp.h): what a filter sees of a call.
struct SeccompData {
    std::int32_t number;
    std::uint32_t architecture;
    std::uint64_t instruction_pointer;
    std::array<std::uint64_t, 6> arguments;
};
static_assert(sizeof(SeccompData) == 64);

struct Verdict {
    std::uint32_t action;  // SECCOMP_RET_* with its 16 bits of data
    unsigned steps;        // instructions executed
};

// Error: corrupt, with the place, where the kernel would refuse the program (an unknown
// instruction, a jump out of the program, a load outside seccomp_data).
Result<Verdict> evaluate(std::span<const BpfInstruction> program, const SeccompData& data);

}  // namespace crank::policy
