// The numbers of linux/bpf_common.h and linux/seccomp.h that filters are made of. They are the
// kernel's interface and the same everywhere; this room does not see the kernel's headers.
#pragma once

#include <cstdint>

namespace crank::policy::bpf {

inline constexpr std::uint16_t kClassMask = 0x07;
inline constexpr std::uint16_t kLd = 0x00;
inline constexpr std::uint16_t kSt = 0x02;
inline constexpr std::uint16_t kStx = 0x03;
inline constexpr std::uint16_t kAlu = 0x04;
inline constexpr std::uint16_t kJmp = 0x05;
inline constexpr std::uint16_t kRet = 0x06;
inline constexpr std::uint16_t kMisc = 0x07;

inline constexpr std::uint16_t kSizeMask = 0x18;
inline constexpr std::uint16_t kModeMask = 0xe0;
inline constexpr std::uint16_t kImm = 0x00;
inline constexpr std::uint16_t kAbs = 0x20;
inline constexpr std::uint16_t kMem = 0x60;
inline constexpr std::uint16_t kLen = 0x80;

inline constexpr std::uint16_t kOperationMask = 0xf0;
inline constexpr std::uint16_t kAdd = 0x00;
inline constexpr std::uint16_t kSub = 0x10;
inline constexpr std::uint16_t kMul = 0x20;
inline constexpr std::uint16_t kDiv = 0x30;
inline constexpr std::uint16_t kOr = 0x40;
inline constexpr std::uint16_t kAnd = 0x50;
inline constexpr std::uint16_t kLsh = 0x60;
inline constexpr std::uint16_t kRsh = 0x70;
inline constexpr std::uint16_t kNeg = 0x80;
inline constexpr std::uint16_t kXor = 0xa0;

inline constexpr std::uint16_t kJa = 0x00;
inline constexpr std::uint16_t kJeq = 0x10;
inline constexpr std::uint16_t kJgt = 0x20;
inline constexpr std::uint16_t kJge = 0x30;
inline constexpr std::uint16_t kJset = 0x40;

inline constexpr std::uint16_t kX = 0x08;     // the operand is X, not k
inline constexpr std::uint16_t kRetA = 0x10;  // return A, not k
inline constexpr std::uint16_t kTxa = 0x80;

// SECCOMP_RET_*.
inline constexpr std::uint32_t kReturnKillProcess = 0x80000000;
inline constexpr std::uint32_t kReturnKillThread = 0x00000000;
inline constexpr std::uint32_t kReturnTrap = 0x00030000;
inline constexpr std::uint32_t kReturnErrno = 0x00050000;
inline constexpr std::uint32_t kReturnNotify = 0x7fc00000;
inline constexpr std::uint32_t kReturnTrace = 0x7ff00000;
inline constexpr std::uint32_t kReturnLog = 0x7ffc0000;
inline constexpr std::uint32_t kReturnAllow = 0x7fff0000;

// Errno values as x86 and ARM have them.
inline constexpr std::uint32_t kEperm = 1;
inline constexpr std::uint32_t kEnosys = 38;
inline constexpr std::uint32_t kMaxErrno = 4095;  // MAX_ERRNO of linux/err.h

// Offsets in struct seccomp_data, little endian.
inline constexpr std::uint32_t kNumberOffset = 0;
inline constexpr std::uint32_t kArchitectureOffset = 4;
constexpr std::uint32_t argument_low(unsigned index) { return 16 + 8 * index; }
constexpr std::uint32_t argument_high(unsigned index) { return argument_low(index) + 4; }

}  // namespace crank::policy::bpf
