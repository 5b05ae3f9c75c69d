#include "policy/assembler.h"

#include <algorithm>

#include "policy/bpf_code.h"

namespace crank::policy {

std::size_t Assembler::push(BpfInstruction instruction) {
    reversed_.push_back(instruction);
    return reversed_.size() - 1;
}

std::size_t Assembler::within_reach(Target target) {
    // Two less than 255: the branch's other target may have to be written before the branch.
    auto near = [this](std::size_t position) { return reversed_.size() - position - 1 <= 253; };
    if (!target.is_return()) {
        if (near(target.position())) return target.position();
        auto distance = static_cast<std::uint32_t>(reversed_.size() - target.position() - 1);
        return push({bpf::kJmp | bpf::kJa, 0, 0, distance});
    }
    auto latest = returns_.find(target.action());
    if (latest != returns_.end() && near(latest->second)) return latest->second;
    return returns_[target.action()] = push({bpf::kRet, 0, 0, target.action()});
}

Target Assembler::branch(std::uint16_t comparison, std::uint32_t k, Target then, Target otherwise) {
    if (then == otherwise) return then;
    std::size_t yes = within_reach(then);
    std::size_t no = within_reach(otherwise);
    auto skip = [this](std::size_t position) {
        return static_cast<std::uint8_t>(reversed_.size() - position - 1);
    };
    auto code = static_cast<std::uint16_t>(bpf::kJmp | comparison);
    return Target::at(push({code, skip(yes), skip(no), k}));
}

void Assembler::fall_through_to(Target next) {
    bool last =
        !reversed_.empty() &&
        (next.is_return() ? reversed_.back() == BpfInstruction{bpf::kRet, 0, 0, next.action()}
                          : next.position() == reversed_.size() - 1);
    if (last) return;
    if (next.is_return()) {
        returns_[next.action()] = push({bpf::kRet, 0, 0, next.action()});
    } else {
        auto distance = static_cast<std::uint32_t>(reversed_.size() - next.position() - 1);
        push({bpf::kJmp | bpf::kJa, 0, 0, distance});
    }
}

Target Assembler::load(std::uint32_t offset, Target next) {
    if (next.is_return()) return next;
    fall_through_to(next);
    return Target::at(push({bpf::kLd | bpf::kAbs, 0, 0, offset}));
}

Target Assembler::and_with(std::uint32_t mask, Target next) {
    if (next.is_return()) return next;
    fall_through_to(next);
    return Target::at(push({bpf::kAlu | bpf::kAnd, 0, 0, mask}));
}

std::vector<BpfInstruction> Assembler::finish(Target entry) {
    fall_through_to(entry);
    return {reversed_.rbegin(), reversed_.rend()};
}

}  // namespace crank::policy
