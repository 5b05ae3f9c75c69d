// Writes a classic BPF program from its end to its beginning, so that every target of a jump is
// known when the jump is written. Jumps only go forward and reach 255 instructions; returns are
// repeated and far targets get a stepping stone where that is not enough.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "policy/bpf.h"

namespace crank::policy {

// Where a jump goes: the return of an action, or code written before.
class Target {
public:
    static Target returning(std::uint32_t action) { return Target(true, action); }
    static Target at(std::size_t position) { return Target(false, position); }

    bool is_return() const { return is_return_; }
    std::uint32_t action() const { return static_cast<std::uint32_t>(value_); }
    std::size_t position() const { return value_; }
    bool operator==(const Target&) const = default;

private:
    Target(bool is_return, std::size_t value) : is_return_(is_return), value_(value) {}
    bool is_return_;
    std::size_t value_;
};

class Assembler {
public:
    // code: bpf::kJeq, kJgt or kJge against k.
    Target branch(std::uint16_t comparison, std::uint32_t k, Target then, Target otherwise);
    // Loads a word of seccomp_data, or changes the accumulator, and goes on at `next`.
    Target load(std::uint32_t offset, Target next);
    Target and_with(std::uint32_t mask, Target next);

    // The program that begins at `entry`, in the order of execution.
    std::vector<BpfInstruction> finish(Target entry);

private:
    std::size_t push(BpfInstruction instruction);
    // A position that a branch written next but one can still reach.
    std::size_t within_reach(Target target);
    // Makes `next` the instruction written last, so that execution falls through to it.
    void fall_through_to(Target next);

    std::vector<BpfInstruction> reversed_;
    std::map<std::uint32_t, std::size_t> returns_;  // the latest copy of each
};

}  // namespace crank::policy
