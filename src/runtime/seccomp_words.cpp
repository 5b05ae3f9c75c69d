#include <string_view>

#include "runtime/other_runtime.h"

namespace crank::runtime {

namespace {

std::string word_of(policy::Action action) {
    switch (action) {
        case policy::Action::kill_process: return "SCMP_ACT_KILL_PROCESS";
        case policy::Action::kill_thread: return "SCMP_ACT_KILL_THREAD";
        case policy::Action::trap: return "SCMP_ACT_TRAP";
        case policy::Action::error: return "SCMP_ACT_ERRNO";
        case policy::Action::notify: return "SCMP_ACT_NOTIFY";
        case policy::Action::trace: return "SCMP_ACT_TRACE";
        case policy::Action::log: return "SCMP_ACT_LOG";
        case policy::Action::allow: break;
    }
    return "SCMP_ACT_ALLOW";
}

std::string word_of(policy::Compare compare) {
    switch (compare) {
        case policy::Compare::not_equal: return "SCMP_CMP_NE";
        case policy::Compare::less: return "SCMP_CMP_LT";
        case policy::Compare::less_or_equal: return "SCMP_CMP_LE";
        case policy::Compare::greater_or_equal: return "SCMP_CMP_GE";
        case policy::Compare::greater: return "SCMP_CMP_GT";
        case policy::Compare::masked_equal: return "SCMP_CMP_MASKED_EQ";
        case policy::Compare::equal:
        case policy::Compare::in_range: break;
    }
    return "SCMP_CMP_EQ";
}

oci::SeccompArg arg_of(const policy::ArgumentTest& test) {
    return {test.index, test.value, test.value_two, word_of(test.compare)};
}

// Of each rule so far one for each value.
void add_test(const policy::ArgumentTest& test, std::vector<oci::SeccompSyscall>& rules) {
    if (test.compare != policy::Compare::in_range) {
        for (auto& rule : rules) rule.args.push_back(arg_of(test));
        return;
    }
    std::vector<oci::SeccompSyscall> spread;
    for (const auto& rule : rules)
        for (std::uint64_t value = test.value; value <= test.value_two; ++value) {
            spread.push_back(rule);
            spread.back().args.push_back({test.index, value, 0, "SCMP_CMP_EQ"});
        }
    rules = std::move(spread);
}

}  // namespace

oci::Seccomp seccomp_words(const policy::SeccompFilter& filter) {
    oci::Seccomp seccomp;
    seccomp.default_action = word_of(filter.default_action);
    if (filter.default_errno_ret) seccomp.default_errno_ret = *filter.default_errno_ret;
    seccomp.architectures = filter.architectures;
    for (const auto& rule : filter.rules) {
        std::vector<oci::SeccompSyscall> rules(1);
        rules.front().names = rule.names;
        rules.front().action = word_of(rule.action);
        if (rule.errno_ret) rules.front().errno_ret = *rule.errno_ret;
        for (const auto& test : rule.tests) add_test(test, rules);
        for (auto& made : rules) seccomp.syscalls.push_back(std::move(made));
    }
    return seccomp;
}

}  // namespace crank::runtime
