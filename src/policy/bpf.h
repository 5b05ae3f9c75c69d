// Classic BPF as seccomp(2) takes it, without the kernel's headers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace crank::policy {

// The layout of struct sock_filter (linux/filter.h).
struct BpfInstruction {
    std::uint16_t code;
    std::uint8_t jt;  // instructions to skip when the condition holds
    std::uint8_t jf;  // and when it does not
    std::uint32_t k;

    bool operator==(const BpfInstruction&) const = default;
};
static_assert(sizeof(BpfInstruction) == 8);

// BPF_MAXINSNS of linux/bpf_common.h.
inline constexpr std::size_t kMaxInstructions = 4096;

}  // namespace crank::policy
