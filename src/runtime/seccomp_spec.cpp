#include "runtime/seccomp_spec.h"

#include "policy/seccomp.h"

namespace crank::runtime {
namespace {

// Without a listener the kernel answers ENOSYS: not what was asked for.
Result<policy::Action> action_of(const std::string& name) {
    policy::Action action = TRY(policy::parse_action(name));
    if (action == policy::Action::notify)
        return fail(Code::unsupported, "SCMP_ACT_NOTIFY is not supported yet");
    return action;
}

Result<policy::SyscallRule> rule_of(const oci::SeccompSyscall& call) {
    policy::SyscallRule rule;
    rule.names = call.names;
    rule.action = TRY_IN(action_of(call.action), "linux.seccomp.syscalls.action");
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

}  // namespace

Result<policy::SeccompProgram> compile_spec(const oci::Seccomp& seccomp) {
    policy::SeccompFilter filter;
    filter.default_action =
        TRY_IN(action_of(seccomp.default_action), "linux.seccomp.defaultAction");
    if (seccomp.default_errno_ret) filter.default_errno_ret = *seccomp.default_errno_ret;
    filter.architectures = seccomp.architectures;
    for (const auto& call : seccomp.syscalls) filter.rules.push_back(TRY(rule_of(call)));
    auto compiled = TRY_IN(policy::compile(filter), "linux.seccomp");
    return policy::SeccompProgram(std::move(compiled.program));
}

}  // namespace crank::runtime
