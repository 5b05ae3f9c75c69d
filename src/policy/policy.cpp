#include "policy/policy.h"

#include "policy/compiler.h"
#include "policy/embedded.h"
#include "policy/evaluate.h"
#include "policy/seccomp_policy.h"

namespace crank::policy {
namespace {

constexpr SyscallTable kTable(kSyscallText, kSyscallEntries);

ConditionalRule unpack(const EmbeddedRule& embedded) {
    ConditionalRule conditional{{}, embedded.with, embedded.without};
    SyscallRule& rule = conditional.rule;
    rule.action = embedded.action;
    if (embedded.errno_ret >= 0) rule.errno_ret = static_cast<unsigned>(embedded.errno_ret);
    for (std::uint16_t index :
         std::span(kRuleNames).subspan(embedded.first_name, embedded.name_count))
        rule.names.emplace_back(kTable.name(index));
    auto tests = std::span(kRuleTests).subspan(embedded.first_test, embedded.test_count);
    rule.tests.assign(tests.begin(), tests.end());
    return conditional;
}

}  // namespace

CapabilitySet default_capabilities() { return kDefaultCapabilities; }

std::span<const std::string_view> masked_paths() { return kMaskedPaths; }

std::span<const std::string_view> readonly_paths() { return kReadonlyPaths; }

std::vector<std::string> masked_cpu_paths(unsigned possible_cpus) {
    constexpr std::string_view kCpu = "{cpu}";
    std::vector<std::string> paths;
    for (std::string_view pattern : kMaskedCpuPaths) {
        std::size_t at = pattern.find(kCpu);
        for (unsigned cpu = 0; cpu < possible_cpus; ++cpu) {
            std::string path(pattern);
            paths.push_back(path.replace(at, kCpu.size(), std::to_string(cpu)));
        }
    }
    return paths;
}

std::span<const SysctlRule> sysctl_rules() { return kSysctlRules; }

SeccompFilter default_seccomp_filter(CapabilitySet bounding, Architecture native) {
    SeccompPolicy policy;
    policy.base.default_errno_ret = kDefaultErrno;
    policy.base.newer_calls = NewerCalls::enosys_if_unknown;
    policy.natives_with_sibling.assign(std::begin(kNativesWithSibling),
                                       std::end(kNativesWithSibling));
    policy.rules.reserve(std::size(kRules));
    for (const EmbeddedRule& rule : kRules) policy.rules.push_back(unpack(rule));
    return filter_for(policy, bounding, native);
}

Result<SeccompProgram> default_seccomp_program(CapabilitySet bounding) {
    if (bounding == kDefaultCapabilities) return SeccompProgram(std::span(kDefaultProgram));
    SeccompFilter filter = default_seccomp_filter(bounding, native_architecture());
    return SeccompProgram(TRY(compile(filter)).program);
}

std::span<const BpfInstruction> strict_seccomp_program() { return kStrictProgram; }

std::span<const BpfInstruction> network_seccomp_program() { return kNetworkProgram; }

std::span<const BpfInstruction> gateway_seccomp_program() { return kGatewayProgram; }

std::optional<std::string_view> call_name(long number, std::uint32_t audit) {
    for (Architecture architecture :
         {Architecture::x86_64, Architecture::i386, Architecture::aarch64, Architecture::arm}) {
        if (audit_architecture(architecture) != audit) continue;
        for (std::size_t i = 0; i < kTable.size(); ++i)
            if (kTable.number(i, architecture) == static_cast<std::uint32_t>(number))
                return kTable.name(i);
    }
    return std::nullopt;
}

Result<CompiledFilter> compile(const SeccompFilter& filter, Architecture native) {
    return compile(filter, native, kTable);
}

Result<Action> action_on(std::span<const BpfInstruction> program, std::string_view call) {
    auto index = kTable.find(call);
    auto number = index ? kTable.number(*index, native_architecture()) : std::nullopt;
    if (!number) return fail(Code::internal, "no system call '" + std::string(call) + "'");
    SeccompData data{};
    data.number = static_cast<std::int32_t>(*number);
    data.architecture = audit_architecture(native_architecture());
    // linux/seccomp.h
    switch (TRY(evaluate(program, data)).action & 0xffff0000) {
        case 0x80000000: return Action::kill_process;
        case 0x00030000: return Action::trap;
        case 0x00050000: return Action::error;
        case 0x7fc00000: return Action::notify;
        case 0x7ff00000: return Action::trace;
        case 0x7ffc0000: return Action::log;
        case 0x7fff0000: return Action::allow;
        default: return Action::kill_thread;
    }
}

}  // namespace crank::policy
