#include "policy/compiler.h"

#include <algorithm>

#include "policy/bpf_code.h"

namespace crank::policy {
namespace {

Result<> validate_errno(std::optional<unsigned> errno_ret, const std::string& where) {
    if (errno_ret && *errno_ret > bpf::kMaxErrno)
        return fail(Code::invalid_argument,
                    where + ": errno " + std::to_string(*errno_ret) + " is above 4095");
    return {};
}

Result<> validate(const SeccompFilter& filter) {
    TRY(validate_errno(filter.default_errno_ret, "seccomp default action"));
    for (std::size_t i = 0; i < filter.rules.size(); ++i) {
        const SyscallRule& rule = filter.rules[i];
        std::string where = "seccomp rule " + std::to_string(i + 1);
        if (rule.names.empty() || std::ranges::count(rule.names, "") != 0)
            return fail(Code::invalid_argument, where + " names no system call");
        TRY(validate_errno(rule.errno_ret, where));
        for (const ArgumentTest& test : rule.tests) {
            if (test.index > 5)
                return fail(Code::invalid_argument, where + ": argument index " +
                                                        std::to_string(test.index) + " is above 5");
        }
    }
    return {};
}

// Those that matter to a kernel of `native`, which comes last: what is written last stands first
// in the program.
Result<std::vector<Architecture>> architectures(const SeccompFilter& filter, Architecture native) {
    std::vector<Architecture> listed;
    for (const std::string& name : filter.architectures) {
        auto architecture = TRY(parse_architecture(name));
        if (architecture == sibling(native)) listed = {sibling(native)};
    }
    listed.push_back(native);
    return listed;
}

Target write_architecture(Assembler& assembler, const SeccompFilter& filter,
                          Architecture architecture, const SyscallTable& table) {
    std::vector<CallRange> ranges = call_ranges(filter, architecture, table);
    std::vector<RangeTarget> targets;
    for (auto range = ranges.begin(); range != ranges.end(); ++range) {
        auto earlier = std::find_if(ranges.begin(), range, [range](const CallRange& other) {
            return other.same_decision(*range);
        });
        if (earlier != range) {
            targets.push_back({range->first, targets[earlier - ranges.begin()].target});
            continue;
        }
        targets.push_back(
            {range->first, write_argument_rules(assembler, range->rules, range->otherwise,
                                                !is_32_bit(architecture))});
    }
    return assembler.load(bpf::kNumberOffset, write_range_tree(assembler, targets));
}

std::vector<std::string> unknown_names(const SeccompFilter& filter, const SyscallTable& table) {
    std::vector<std::string> unknown;
    for (const SyscallRule& rule : filter.rules) {
        std::ranges::copy_if(rule.names, std::back_inserter(unknown),
                             [&table](const std::string& name) { return !table.find(name); });
    }
    std::ranges::sort(unknown);
    auto repeated = std::ranges::unique(unknown);
    unknown.erase(repeated.begin(), repeated.end());
    return unknown;
}

}  // namespace

Result<CompiledFilter> compile(const SeccompFilter& filter, Architecture native,
                               const SyscallTable& table) {
    TRY(validate(filter));
    Assembler assembler;
    Target entry = Target::returning(bpf::kReturnKillProcess);
    for (Architecture architecture : TRY(architectures(filter, native))) {
        Target tree = write_architecture(assembler, filter, architecture, table);
        entry = assembler.branch(bpf::kJeq, audit_architecture(architecture), tree, entry);
    }
    entry = assembler.load(bpf::kArchitectureOffset, entry);
    CompiledFilter compiled{assembler.finish(entry), unknown_names(filter, table)};
    if (compiled.program.size() > kMaxInstructions)
        return fail(Error(Code::exhausted, "the seccomp filter needs " +
                                               std::to_string(compiled.program.size()) +
                                               " instructions, the kernel takes 4096")
                        .with_hint("use fewer rules with argument tests"));
    return compiled;
}

}  // namespace crank::policy
