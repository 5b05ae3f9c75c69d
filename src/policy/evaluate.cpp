#include "policy/evaluate.h"

#include <cstring>
#include <optional>
#include <string>

#include "policy/bpf_code.h"

namespace crank::policy {
namespace {

struct Machine {
    std::uint32_t a = 0;
    std::uint32_t x = 0;
    std::array<std::uint32_t, 16> memory{};
};

std::optional<std::uint32_t> alu(std::uint16_t operation, std::uint32_t a, std::uint32_t b) {
    switch (operation) {
        case bpf::kAdd: return a + b;
        case bpf::kSub: return a - b;
        case bpf::kMul: return a * b;
        case bpf::kDiv: return b == 0 ? std::optional<std::uint32_t>() : a / b;
        case bpf::kOr: return a | b;
        case bpf::kAnd: return a & b;
        case bpf::kXor: return a ^ b;
        case bpf::kLsh: return b > 31 ? 0 : a << b;
        case bpf::kRsh: return b > 31 ? 0 : a >> b;
        case bpf::kNeg: return 0U - a;
        default: return std::nullopt;
    }
}

std::optional<bool> holds(std::uint16_t operation, std::uint32_t a, std::uint32_t b) {
    switch (operation) {
        case bpf::kJeq: return a == b;
        case bpf::kJgt: return a > b;
        case bpf::kJge: return a >= b;
        case bpf::kJset: return (a & b) != 0;
        default: return std::nullopt;
    }
}

// The instructions that neither jump nor return. False: no such instruction.
bool step(Machine& m, const BpfInstruction& i, const SeccompData& data) {
    std::uint16_t operation = i.code & bpf::kOperationMask;
    std::uint32_t operand = (i.code & bpf::kX) ? m.x : i.k;
    switch (i.code & bpf::kClassMask) {
        case bpf::kAlu:
            if (auto value = alu(operation, m.a, operand)) return m.a = *value, true;
            return false;
        case bpf::kMisc:
            (i.code & bpf::kTxa ? m.a : m.x) = i.code & bpf::kTxa ? m.x : m.a;
            return true;
        case bpf::kSt:
        case bpf::kStx:
            if (i.k >= m.memory.size()) return false;
            m.memory[i.k] = (i.code & bpf::kClassMask) == bpf::kSt ? m.a : m.x;
            return true;
        default: break;
    }
    if ((i.code & bpf::kSizeMask) != 0) return false;  // seccomp loads whole words
    std::uint32_t value = 0;
    switch (i.code & bpf::kModeMask) {
        case bpf::kAbs:
            if (i.k % 4 != 0 || i.k > sizeof data - 4) return false;
            std::memcpy(&value, reinterpret_cast<const char*>(&data) + i.k, 4);
            break;
        case bpf::kImm: value = i.k; break;
        case bpf::kMem:
            if (i.k >= m.memory.size()) return false;
            value = m.memory[i.k];
            break;
        case bpf::kLen: value = sizeof data; break;
        default: return false;
    }
    ((i.code & bpf::kClassMask) == bpf::kLd ? m.a : m.x) = value;
    return true;
}

std::unexpected<Error> bad(std::size_t at, const char* what) {
    return fail(Code::corrupt, "seccomp program: instruction " + std::to_string(at) + ": " + what);
}

}  // namespace

Result<Verdict> evaluate(std::span<const BpfInstruction> program, const SeccompData& data) {
    Machine machine;
    unsigned steps = 0;
    // Jumps only go forward, so this ends.
    for (std::size_t at = 0; at < program.size(); ++at) {
        const BpfInstruction& i = program[at];
        ++steps;
        if ((i.code & bpf::kClassMask) == bpf::kRet) {
            bool from_a = (i.code & bpf::kRetA) != 0;
            return Verdict{from_a ? machine.a : i.k, steps};
        }
        if ((i.code & bpf::kClassMask) != bpf::kJmp) {
            if (!step(machine, i, data)) return bad(at, "not known to seccomp");
            continue;
        }
        std::uint16_t operation = i.code & bpf::kOperationMask;
        if (operation == bpf::kJa) {
            at += i.k;
            continue;
        }
        auto taken = holds(operation, machine.a, (i.code & bpf::kX) ? machine.x : i.k);
        if (!taken) return bad(at, "not known to seccomp");
        at += *taken ? i.jt : i.jf;
    }
    return bad(program.size(), "runs out of the program");
}

}  // namespace crank::policy
