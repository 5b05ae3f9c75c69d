// System call names and numbers (policy/syscalls.json), packed so that the table costs a running
// program no relocations.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "policy/seccomp.h"

namespace crank::policy {

struct SyscallEntry {
    std::uint16_t offset;  // of the name in the table's text
    std::uint16_t length;
    std::array<std::int32_t, kArchitectureCount> numbers;  // by Architecture; -1: no such call
};

// A view: whoever made the text and the entries keeps them.
class SyscallTable {
public:
    // `entries` in ascending order of name.
    constexpr SyscallTable(std::string_view text, std::span<const SyscallEntry> entries)
        : text_(text), entries_(entries) {}

    std::size_t size() const { return entries_.size(); }
    std::string_view name(std::size_t index) const {
        return text_.substr(entries_[index].offset, entries_[index].length);
    }
    std::optional<std::size_t> find(std::string_view name) const;
    // Nothing where the architecture lacks the call.
    std::optional<std::uint32_t> number(std::size_t index, Architecture architecture) const;
    // Every number of the architecture, ascending.
    std::vector<std::uint32_t> numbers(Architecture architecture) const;

private:
    std::string_view text_;
    std::span<const SyscallEntry> entries_;
};

// The calls that i386 also multiplexes: `call` is the first argument of socketcall or ipc
// (linux/net.h, linux/ipc.h).
struct Multiplexed {
    std::string_view multiplexer;
    unsigned call;
};
std::optional<Multiplexed> multiplexed_on_i386(std::string_view name);

// AUDIT_ARCH_* of linux/audit.h, as seccomp_data.arch has it.
std::uint32_t audit_architecture(Architecture architecture);
// "SCMP_ARCH_X86_64"; error: invalid_argument for words that name no architecture. Nothing for
// architectures whose programs no kernel that crank runs on can execute.
Result<std::optional<Architecture>> parse_architecture(std::string_view name);
std::string_view architecture_name(Architecture architecture);
constexpr bool is_32_bit(Architecture architecture) {
    return architecture == Architecture::i386 || architecture == Architecture::arm;
}
// The 32-bit architecture whose programs a kernel of `native` can run.
Architecture sibling(Architecture native);

}  // namespace crank::policy
