#include "policy/syscall_table.h"

#include <algorithm>
#include <string>

namespace crank::policy {
namespace {

struct MultiplexedName {
    std::string_view name;
    Multiplexed as;
};

constexpr std::string_view kSocketcall = "socketcall";
constexpr std::string_view kIpc = "ipc";
constexpr MultiplexedName kMultiplexed[] = {
    {"socket", {kSocketcall, 1}},
    {"bind", {kSocketcall, 2}},
    {"connect", {kSocketcall, 3}},
    {"listen", {kSocketcall, 4}},
    {"accept", {kSocketcall, 5}},
    {"getsockname", {kSocketcall, 6}},
    {"getpeername", {kSocketcall, 7}},
    {"socketpair", {kSocketcall, 8}},
    {"send", {kSocketcall, 9}},
    {"recv", {kSocketcall, 10}},
    {"sendto", {kSocketcall, 11}},
    {"recvfrom", {kSocketcall, 12}},
    {"shutdown", {kSocketcall, 13}},
    {"setsockopt", {kSocketcall, 14}},
    {"getsockopt", {kSocketcall, 15}},
    {"sendmsg", {kSocketcall, 16}},
    {"recvmsg", {kSocketcall, 17}},
    {"accept4", {kSocketcall, 18}},
    {"recvmmsg", {kSocketcall, 19}},
    {"sendmmsg", {kSocketcall, 20}},
    {"semop", {kIpc, 1}},
    {"semget", {kIpc, 2}},
    {"semctl", {kIpc, 3}},
    {"semtimedop", {kIpc, 4}},
    {"msgsnd", {kIpc, 11}},
    {"msgrcv", {kIpc, 12}},
    {"msgget", {kIpc, 13}},
    {"msgctl", {kIpc, 14}},
    {"shmat", {kIpc, 21}},
    {"shmdt", {kIpc, 22}},
    {"shmget", {kIpc, 23}},
    {"shmctl", {kIpc, 24}},
};

// By Architecture.
constexpr std::string_view kArchitectureNames[] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86",
                                                   "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};
static_assert(std::size(kArchitectureNames) == kArchitectureCount);

constexpr std::string_view kOtherArchitectures[] = {
    "SCMP_ARCH_X32",    "SCMP_ARCH_MIPS",     "SCMP_ARCH_MIPS64",      "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",  "SCMP_ARCH_PPC64LE",  "SCMP_ARCH_S390",        "SCMP_ARCH_S390X",
    "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64",     "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",   "SCMP_ARCH_SH",       "SCMP_ARCH_SHEB",
};

}  // namespace

std::optional<std::size_t> SyscallTable::find(std::string_view wanted) const {
    auto name_of = [this](const SyscallEntry& entry) {
        return text_.substr(entry.offset, entry.length);
    };
    auto found = std::ranges::lower_bound(entries_, wanted, {}, name_of);
    if (found == entries_.end() || name_of(*found) != wanted) return std::nullopt;
    return static_cast<std::size_t>(found - entries_.begin());
}

std::optional<std::uint32_t> SyscallTable::number(std::size_t index,
                                                  Architecture architecture) const {
    std::int32_t number = entries_[index].numbers[static_cast<std::size_t>(architecture)];
    if (number < 0) return std::nullopt;
    return static_cast<std::uint32_t>(number);
}

std::vector<std::uint32_t> SyscallTable::numbers(Architecture architecture) const {
    std::vector<std::uint32_t> numbers;
    for (std::size_t i = 0; i < size(); ++i) {
        if (auto one = number(i, architecture)) numbers.push_back(*one);
    }
    std::ranges::sort(numbers);
    return numbers;
}

std::optional<Multiplexed> multiplexed_on_i386(std::string_view name) {
    auto found = std::ranges::find(kMultiplexed, name, &MultiplexedName::name);
    if (found == std::end(kMultiplexed)) return std::nullopt;
    return found->as;
}

std::uint32_t audit_architecture(Architecture architecture) {
    switch (architecture) {
        case Architecture::x86_64: return 0xc000003e;
        case Architecture::i386: return 0x40000003;
        case Architecture::aarch64: return 0xc00000b7;
        case Architecture::arm: return 0x40000028;
    }
    return 0;
}

Result<std::optional<Architecture>> parse_architecture(std::string_view name) {
    for (int i = 0; i < kArchitectureCount; ++i) {
        if (name == kArchitectureNames[i]) return static_cast<Architecture>(i);
    }
    if (std::ranges::find(kOtherArchitectures, name) != std::end(kOtherArchitectures))
        return std::nullopt;
    return fail(Code::invalid_argument,
                "unknown seccomp architecture \"" + std::string(name) + "\"");
}

std::string_view architecture_name(Architecture architecture) {
    return kArchitectureNames[static_cast<std::size_t>(architecture)];
}

Architecture sibling(Architecture native) {
    bool x86 = native == Architecture::x86_64 || native == Architecture::i386;
    return x86 ? Architecture::i386 : Architecture::arm;
}

}  // namespace crank::policy
