#include "policy/seccomp_document.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "policy/json_reader.h"

namespace crank::policy {
namespace {

constexpr unsigned kEperm = 1;
constexpr unsigned kEnosys = 38;

std::unexpected<Error> bad(const std::string& where, const std::string& what) {
    return fail(Code::invalid_argument, where + ": " + what);
}

Result<> expect_version(const Json& json, const std::string& where) {
    if (json["version"] != 1) return bad(where, "\"version\" is not 1");
    return expect_why(json, where);
}

Result<unsigned> parse_errno(const Json& rule, const std::string& where) {
    std::string name = TRY(text_field(rule, where, "errno"));
    if (name == "EPERM") return kEperm;
    if (name == "ENOSYS") return kEnosys;
    return bad(where, "errno \"" + name + "\" is neither EPERM nor ENOSYS");
}

// 5, "5" or "0x5": JSON has no hexadecimal numbers, and masks are unreadable without.
Result<std::uint64_t> parse_number(const Json& value, const std::string& where) {
    if (value.is_number_unsigned()) return value.get<std::uint64_t>();
    if (value.is_string()) {
        auto text = value.get<std::string>();
        bool hexadecimal = text.starts_with("0x");
        const char* begin = text.data() + (hexadecimal ? 2 : 0);
        const char* end = text.data() + text.size();
        std::uint64_t number = 0;
        auto [rest, error] = std::from_chars(begin, end, number, hexadecimal ? 16 : 10);
        if (error == std::errc() && rest == end) return number;
    }
    return bad(where, value.dump() + " is not a number of at most 64 bits");
}

// The alternatives of one argument: at least one must hold.
using Alternatives = std::vector<ArgumentTest>;

Result<ArgumentTest> parse_alternative(unsigned index, const Json& value,
                                       const std::string& where) {
    if (!value.is_array())
        return ArgumentTest{index, Compare::equal, TRY(parse_number(value, where)), 0};
    if (value.size() != 2) return bad(where, value.dump() + " is not a range");
    std::uint64_t first = TRY(parse_number(value[0], where));
    std::uint64_t last = TRY(parse_number(value[1], where));
    if (first >= last) return bad(where, value.dump() + " is an empty range");
    return ArgumentTest{index, Compare::in_range, first, last};
}

Result<Alternatives> parse_argument(const Json& json, const std::string& where) {
    if (!json.is_object()) return bad(where, "an argument is not an object");
    bool masked = json.value("is", Json()) == "masked";
    TRY(masked ? expect_fields(json, where, {"index", "is", "mask", "value"})
               : expect_fields(json, where, {"index", "is", "values"}));
    std::uint64_t index = TRY(parse_number(json["index"], where));
    if (index > 5) return bad(where, "argument index above 5");
    auto at = static_cast<unsigned>(index);
    if (masked) {
        std::uint64_t mask = TRY(parse_number(json["mask"], where));
        std::uint64_t value = TRY(parse_number(json["value"], where));
        if ((value & ~mask) != 0) return bad(where, "the value has bits that the mask lacks");
        return Alternatives{{at, Compare::masked_equal, mask, value}};
    }
    if (json["is"] != "in") return bad(where, "\"is\" is neither \"in\" nor \"masked\"");
    TRY(expect_array(json["values"], where));
    Alternatives alternatives;
    for (const Json& value : json["values"])
        alternatives.push_back(TRY(parse_alternative(at, value, where)));
    return alternatives;
}

// Every combination of one alternative per argument.
Result<std::vector<std::vector<ArgumentTest>>> parse_arguments(const Json& rule,
                                                               const std::string& where) {
    std::vector<std::vector<ArgumentTest>> combinations = {{}};
    if (!rule.contains("arguments")) return combinations;
    TRY(expect_array(rule["arguments"], where));
    std::set<unsigned> seen;
    for (const Json& argument : rule["arguments"]) {
        Alternatives alternatives = TRY(parse_argument(argument, where));
        if (!seen.insert(alternatives.front().index).second)
            return bad(where, "an argument is tested twice");
        std::vector<std::vector<ArgumentTest>> longer;
        for (const auto& combination : combinations) {
            for (const ArgumentTest& test : alternatives) {
                longer.push_back(combination);
                longer.back().push_back(test);
            }
        }
        combinations = std::move(longer);
    }
    return combinations;
}

Result<CapabilitySet> parse_capability(const Json& rule, const char* field,
                                       const std::string& where) {
    if (!rule.contains(field)) return CapabilitySet{0};
    std::string name = TRY(text_field(rule, where, field));
    return TRY_IN(capability_set(std::span(&name, 1)), where);
}

Result<std::vector<std::string>> parse_names(const Json& list, const std::string& where,
                                             const SyscallTable& known) {
    TRY(expect_array(list, where));
    std::vector<std::string> names;
    for (const Json& name : list) {
        if (!name.is_string()) return bad(where, "a system call is not a string");
        names.push_back(name.get<std::string>());
        if (!known.find(names.back())) return bad(where, "no system call \"" + names.back() + "\"");
        if (std::ranges::count(names, names.back()) != 1)
            return bad(where, "\"" + names.back() + "\" is listed twice");
    }
    return names;
}

Result<> parse_rule(const Json& json, const SyscallTable& known, SeccompPolicy& policy) {
    TRY(expect_fields(json, "rule", {"name", "why", "action", "syscalls"},
                      {"errno", "with_capability", "without_capability", "arguments"}));
    std::string where = "rule \"" + TRY(text_field(json, "rule", "name")) + "\"";
    TRY(expect_why(json, where));
    ConditionalRule conditional;
    bool allow = json["action"] == "allow";
    if (!allow && json["action"] != "error")
        return bad(where, "\"action\" is neither \"allow\" nor \"error\"");
    if (allow == json.contains("errno")) return bad(where, "\"errno\" goes with \"error\"");
    conditional.rule.action = allow ? Action::allow : Action::error;
    if (!allow) conditional.rule.errno_ret = TRY(parse_errno(json, where));
    conditional.rule.names = TRY(parse_names(json["syscalls"], where, known));
    conditional.with = TRY(parse_capability(json, "with_capability", where));
    conditional.without = TRY(parse_capability(json, "without_capability", where));
    for (auto& tests : TRY(parse_arguments(json, where))) {
        conditional.rule.tests = std::move(tests);
        policy.rules.push_back(conditional);
    }
    return {};
}

Result<Architecture> parse_architecture_word(const Json& word) {
    constexpr std::string_view kWords[] = {"x86_64", "i386", "aarch64", "arm"};
    for (int i = 0; i < kArchitectureCount; ++i) {
        if (word == kWords[i]) return static_cast<Architecture>(i);
    }
    return bad("architectures", word.dump() + " is none that crank knows");
}

Result<> parse_architectures(const Json& list, SeccompPolicy& policy) {
    if (list.is_array() && list.empty()) return {};  // no kernel's siblings
    TRY(expect_array(list, "architectures"));
    for (const Json& entry : list) {
        TRY(expect_fields(entry, "architectures", {"native", "also", "why"}));
        TRY(expect_why(entry, "architectures"));
        Architecture native = TRY(parse_architecture_word(entry["native"]));
        TRY(expect_array(entry["also"], "architectures"));
        for (const Json& word : entry["also"]) {
            if (TRY(parse_architecture_word(word)) != sibling(native) || is_32_bit(native))
                return bad("architectures",
                           word.dump() + " does not run beside " + entry["native"].dump());
        }
        policy.natives_with_sibling.push_back(native);
    }
    return {};
}

Result<> parse_numbers(const std::string& name, const Json& numbers, SyscallDocument& document) {
    if (!numbers.is_array() || numbers.size() != kArchitectureCount)
        return bad(name, "not one number for each architecture");
    SyscallEntry entry{static_cast<std::uint16_t>(document.text.size()),
                       static_cast<std::uint16_t>(name.size()),
                       {}};
    for (std::size_t i = 0; i < entry.numbers.size(); ++i) {
        bool number = numbers[i].is_number_unsigned() && numbers[i] < 0x40000000;
        if (!number && !numbers[i].is_null())
            return bad(name, "not a number: " + numbers[i].dump());
        entry.numbers[i] = number ? numbers[i].get<std::int32_t>() : -1;
    }
    document.text += name;
    document.entries.push_back(entry);
    return {};
}

}  // namespace

Result<SyscallDocument> parse_syscalls(std::string_view text) {
    Json json = TRY(parse_json(text));
    TRY(expect_fields(json, "syscalls", {"version", "why", "architectures", "syscalls"}));
    TRY(expect_version(json, "syscalls"));
    if (json["architectures"] != Json({"x86_64", "i386", "aarch64", "arm"}))
        return bad("syscalls", "\"architectures\" are not x86_64, i386, aarch64, arm");
    if (!json["syscalls"].is_object()) return bad("syscalls", "\"syscalls\" is not an object");
    SyscallDocument document;
    // In order of name: nlohmann's objects are sorted maps.
    for (const auto& [name, numbers] : json["syscalls"].items())
        TRY(parse_numbers(name, numbers, document));
    if (document.text.size() > 0xffff) return bad("syscalls", "too many names");
    for (int i = 0; i < kArchitectureCount; ++i) {
        auto numbers = document.table().numbers(static_cast<Architecture>(i));
        auto twice = std::ranges::adjacent_find(numbers);
        if (twice != numbers.end())
            return bad("syscalls", "the number " + std::to_string(*twice) + " stands twice");
    }
    return document;
}

Result<SeccompPolicy> parse_seccomp(std::string_view text, const SyscallTable& known) {
    Json json = TRY(parse_json(text));
    TRY(expect_fields(json, "seccomp",
                      {"version", "why", "default", "newer", "architectures", "rules"}));
    TRY(expect_version(json, "seccomp"));
    TRY(expect_fields(json["default"], "default", {"action", "errno", "why"}));
    TRY(expect_why(json["default"], "default"));
    if (json["default"]["action"] != "error") return bad("default", "the policy must deny");
    TRY(expect_fields(json["newer"], "newer", {"errno", "why"}));
    TRY(expect_why(json["newer"], "newer"));
    if (json["newer"]["errno"] != "ENOSYS") return bad("newer", "\"errno\" is not ENOSYS");

    SeccompPolicy policy;
    policy.base.default_action = Action::error;
    policy.base.default_errno_ret = TRY(parse_errno(json["default"], "default"));
    policy.base.newer_calls = NewerCalls::enosys_if_unknown;
    TRY(parse_architectures(json["architectures"], policy));
    TRY(expect_array(json["rules"], "rules"));
    std::set<std::string> names;
    for (const Json& rule : json["rules"]) {
        TRY(parse_rule(rule, known, policy));
        if (!names.insert(rule["name"].get<std::string>()).second)
            return bad("rule " + rule["name"].dump(), "stands twice");
    }
    return policy;
}

}  // namespace crank::policy
