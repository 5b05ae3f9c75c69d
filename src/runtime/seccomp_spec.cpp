#include "runtime/seccomp_spec.h"

#include <algorithm>
#include <span>

#include "policy/seccomp.h"

namespace crank::runtime {
namespace {

constexpr std::uint64_t kWaitKillable = 32;

Result<policy::SyscallRule> rule_of(const oci::SeccompSyscall& call) {
    policy::SyscallRule rule;
    rule.names = call.names;
    rule.action = TRY_IN(policy::parse_action(call.action), "linux.seccomp.syscalls.action");
    if (call.errno_ret) rule.errno_ret = *call.errno_ret;
    for (const auto& arg : call.args) {
        policy::ArgumentTest test;
        test.index = arg.index;
        test.value = arg.value;
        test.value_two = arg.value_two;
        test.compare = TRY_IN(policy::parse_compare(arg.op), "linux.seccomp.syscalls.args.op");
        rule.tests.push_back(test);
    }
    return rule;
}

Result<std::uint64_t> flags_of(const oci::Seccomp& seccomp, bool asks) {
    struct Flag {
        std::string_view name;
        std::uint64_t bit;
    };
    // seccomp(2). A process before its program has one thread: TSYNC changes nothing, and does not
    // go together with a listener.
    constexpr Flag kFlags[] = {{"SECCOMP_FILTER_FLAG_TSYNC", 0},
                               {"SECCOMP_FILTER_FLAG_LOG", 2},
                               {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", 4},
                               {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", kWaitKillable}};
    std::uint64_t flags = 0;
    for (const auto& name : seccomp.flags) {
        const Flag* found = nullptr;
        for (const auto& flag : kFlags)
            if (flag.name == name) found = &flag;
        if (found == nullptr)
            return fail(Code::invalid_argument, "linux.seccomp.flags: unknown flag '" + name + "'");
        flags |= found->bit;
    }
    if ((flags & kWaitKillable) != 0 && !asks)
        return fail(Code::invalid_argument,
                    "linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is for a filter "
                    "with SCMP_ACT_NOTIFY");
    return flags;
}

bool notifies(const policy::SeccompFilter& filter) {
    return filter.default_action == policy::Action::notify ||
           std::ranges::any_of(filter.rules, [](const policy::SyscallRule& rule) {
               return rule.action == policy::Action::notify;
           });
}

// The process has to hand its listener over, by sendmsg, with the filter loaded already and nobody
// listening yet; the answer, by read, comes when somebody does.
Result<> check_hand_over(std::span<const policy::BpfInstruction> program) {
    using policy::Action;
    for (std::string_view call : {"sendmsg", "read"}) {
        Action action = TRY(policy::action_on(program, call));
        bool passes = action == Action::allow || action == Action::log ||
                      (action == Action::notify && call == "read");
        if (!passes)
            return fail(Code::invalid_argument,
                        "linux.seccomp: SCMP_ACT_NOTIFY needs a filter that lets the listener be "
                        "handed over, and this one does not allow the call " +
                            std::string(call));
    }
    return {};
}

}  // namespace

Result<LoadedFilter> compile_spec(const oci::Seccomp& seccomp) {
    policy::SeccompFilter filter;
    filter.default_action =
        TRY_IN(policy::parse_action(seccomp.default_action), "linux.seccomp.defaultAction");
    if (seccomp.default_errno_ret) filter.default_errno_ret = *seccomp.default_errno_ret;
    filter.architectures = seccomp.architectures;
    for (const auto& call : seccomp.syscalls) filter.rules.push_back(TRY(rule_of(call)));
    bool asks = notifies(filter);
    // The kernel answers ENOSYS where nobody listens: not what was asked for.
    if (asks && seccomp.listener_path.empty())
        return fail(Code::invalid_argument,
                    "linux.seccomp: SCMP_ACT_NOTIFY needs a listenerPath to ask");
    std::uint64_t flags = TRY(flags_of(seccomp, asks));
    auto compiled = TRY_IN(policy::compile(filter), "linux.seccomp");
    auto can_hand_over = check_hand_over(compiled.program);
    if (asks && !can_hand_over) return fail(std::move(can_hand_over).error());
    // Whoever listens at a path that no rule needs is given the listener where that is possible.
    bool listens = asks || (!seccomp.listener_path.empty() && can_hand_over);
    return LoadedFilter{policy::SeccompProgram(std::move(compiled.program)), flags, listens,
                        std::move(compiled.unknown_names)};
}

}  // namespace crank::runtime
