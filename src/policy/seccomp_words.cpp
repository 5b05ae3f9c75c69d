// The words of the OCI specification, and what they mean to the kernel.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "policy/action_word.h"
#include "policy/bpf_code.h"
#include "policy/seccomp.h"

namespace crank::policy {
namespace {

template <class Value>
struct Word {
    std::string_view name;
    Value value;
};

constexpr Word<Action> kActions[] = {
    {"SCMP_ACT_KILL", Action::kill_thread},
    {"SCMP_ACT_KILL_THREAD", Action::kill_thread},
    {"SCMP_ACT_KILL_PROCESS", Action::kill_process},
    {"SCMP_ACT_TRAP", Action::trap},
    {"SCMP_ACT_ERRNO", Action::error},
    {"SCMP_ACT_NOTIFY", Action::notify},
    {"SCMP_ACT_TRACE", Action::trace},
    {"SCMP_ACT_LOG", Action::log},
    {"SCMP_ACT_ALLOW", Action::allow},
};

constexpr Word<Compare> kCompares[] = {
    {"SCMP_CMP_NE", Compare::not_equal},           {"SCMP_CMP_LT", Compare::less},
    {"SCMP_CMP_LE", Compare::less_or_equal},       {"SCMP_CMP_EQ", Compare::equal},
    {"SCMP_CMP_GE", Compare::greater_or_equal},    {"SCMP_CMP_GT", Compare::greater},
    {"SCMP_CMP_MASKED_EQ", Compare::masked_equal},
};

template <class Value, std::size_t N>
Result<Value> parse_word(const Word<Value> (&words)[N], std::string_view name,
                         std::string_view kind) {
    auto found = std::ranges::find(words, name, &Word<Value>::name);
    if (found != std::end(words)) return found->value;
    std::array<std::string_view, N> names;
    std::ranges::transform(words, names.begin(), &Word<Value>::name);
    Error error(Code::invalid_argument,
                "unknown seccomp " + std::string(kind) + " \"" + std::string(name) + "\"");
    if (auto near = did_you_mean(name, names))
        return fail(std::move(error).with_hint("did you mean " + *near + "?"));
    return fail(std::move(error));
}

}  // namespace

Result<Action> parse_action(std::string_view name) { return parse_word(kActions, name, "action"); }

Result<Compare> parse_compare(std::string_view name) {
    return parse_word(kCompares, name, "operator");
}

std::uint32_t action_word(Action action, std::optional<unsigned> errno_ret) {
    std::uint32_t data = errno_ret.value_or(bpf::kEperm);
    switch (action) {
        case Action::kill_process: return bpf::kReturnKillProcess;
        case Action::kill_thread: return bpf::kReturnKillThread;
        case Action::trap: return bpf::kReturnTrap;
        case Action::error: return bpf::kReturnErrno | data;
        case Action::notify: return bpf::kReturnNotify;
        case Action::trace: return bpf::kReturnTrace | data;
        case Action::log: return bpf::kReturnLog;
        case Action::allow: return bpf::kReturnAllow;
    }
    return bpf::kReturnKillProcess;
}

}  // namespace crank::policy
