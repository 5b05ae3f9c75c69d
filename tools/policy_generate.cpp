// policy_generate DIRECTORY OUTPUT: turns policy/*.json into constants for embedded.h. Runs when
// crank is built, so that nothing is read, parsed or compiled when it runs.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "policy/compiler.h"
#include "policy/document.h"
#include "policy/seccomp_document.h"

namespace crank::policy {
namespace {

Result<std::string> read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    if (!file || !content) return fail(Code::io, "cannot read " + path);
    return content.str();
}

// Reads `name` of `directory` and parses it; errors name the file.
template <class Parse>
auto load(const std::string& directory, const char* name, Parse parse)
    -> decltype(parse(std::string_view())) {
    std::string file = directory + "/" + name;
    std::string text = TRY(read(file));
    return TRY_IN(parse(text), file);
}

void emit_paths(std::ostream& out, const char* name, const std::vector<std::string>& paths) {
    out << "inline constexpr std::string_view " << name << "[] = {\n";
    for (const std::string& path : paths) out << "    \"" << path << "\",\n";
    out << "};\n";
}

void emit_sysctls(std::ostream& out, const SysctlDocument& sysctls) {
    out << "inline constexpr SysctlRule kSysctlRules[] = {\n";
    for (const auto& rule : sysctls.allowed)
        out << "    {\"" << rule.name << "\", SysctlNamespace(" << int(rule.kind) << ")},\n";
    out << "};\n";
}

void emit_table(std::ostream& out, const SyscallDocument& syscalls) {
    out << "inline constexpr std::string_view kSyscallText =\n";
    for (std::size_t i = 0; i < syscalls.text.size(); i += 80)
        out << "    \"" << syscalls.text.substr(i, 80) << "\"\n";
    out << "    ;\ninline constexpr SyscallEntry kSyscallEntries[] = {\n";
    for (const SyscallEntry& entry : syscalls.entries) {
        out << "    {" << entry.offset << ", " << entry.length << ", {";
        for (std::int32_t number : entry.numbers) out << number << ", ";
        out << "}},\n";
    }
    out << "};\n";
}

// Rules as indices into three arrays: names (into the table), tests, and rules over both.
void emit_rules(std::ostream& out, const SeccompPolicy& policy, const SyscallTable& table) {
    std::ostringstream names;
    std::ostringstream tests;
    std::ostringstream rules;
    std::size_t name_count = 0;
    std::size_t test_count = 0;
    for (const ConditionalRule& conditional : policy.rules) {
        const SyscallRule& rule = conditional.rule;
        rules << "    {" << conditional.with << "u, " << conditional.without << "u, Action("
              << int(rule.action) << "), " << (rule.errno_ret ? int(*rule.errno_ret) : -1) << ", "
              << name_count << ", " << rule.names.size() << ", " << test_count << ", "
              << rule.tests.size() << "},\n";
        for (const std::string& name : rule.names) names << *table.find(name) << ", ";
        for (const ArgumentTest& test : rule.tests)
            tests << "    {" << test.index << ", Compare(" << int(test.compare) << "), "
                  << test.value << "u, " << test.value_two << "u},\n";
        name_count += rule.names.size();
        test_count += rule.tests.size();
    }
    out << "inline constexpr std::uint16_t kRuleNames[] = {" << names.str() << "};\n"
        << "inline constexpr ArgumentTest kRuleTests[] = {\n"
        << tests.str() << "};\n"
        << "inline constexpr EmbeddedRule kRules[] = {\n"
        << rules.str() << "};\n"
        << "inline constexpr unsigned kDefaultErrno = " << *policy.base.default_errno_ret << ";\n";
    out << "inline constexpr Architecture kNativesWithSibling[] = {";
    for (Architecture native : policy.natives_with_sibling)
        out << "Architecture(" << int(native) << "), ";
    out << "};\n";
}

Result<> emit_program(std::ostream& out, const char* name, const SeccompPolicy& policy,
                      CapabilitySet capabilities, Architecture native, const SyscallTable& table) {
    auto compiled = TRY(compile(filter_for(policy, capabilities, native), native, table));
    out << "inline constexpr BpfInstruction " << name << "[] = {\n";
    for (const BpfInstruction& i : compiled.program)
        out << "    {" << i.code << ", " << int(i.jt) << ", " << int(i.jf) << ", " << i.k
            << "u},\n";
    out << "};\n";
    return {};
}

Result<> generate(const std::string& directory, const std::string& output) {
    auto capabilities = TRY(load(directory, "capabilities.json", parse_capabilities));
    auto paths = TRY(load(directory, "paths.json", parse_paths));
    auto syscalls = TRY(load(directory, "syscalls.json", parse_syscalls));
    SyscallTable table = syscalls.table();
    auto sysctls = TRY(load(directory, "sysctls.json", parse_sysctls));
    auto parse = [&table](std::string_view text) { return parse_seccomp(text, table); };
    auto policy = TRY(load(directory, "seccomp-default.json", parse));
    auto strict = TRY(load(directory, "seccomp-strict.json", parse));
    auto network = TRY(load(directory, "seccomp-net.json", parse));
    auto gateway = TRY(load(directory, "seccomp-gateway.json", parse));

    std::ofstream out(output, std::ios::binary | std::ios::trunc);
    out << "// Generated from policy/*.json by policy_generate; edit those.\n";
    out << "inline constexpr CapabilitySet kDefaultCapabilities = " << capabilities.defaults
        << "u;\n";
    emit_paths(out, "kMaskedPaths", paths.masked);
    emit_paths(out, "kMaskedCpuPaths", paths.masked_cpu);
    emit_paths(out, "kReadonlyPaths", paths.readonly);
    emit_sysctls(out, sysctls);
    emit_table(out, syscalls);
    emit_rules(out, policy, table);
    auto emit_programs = [&](Architecture native) -> Result<> {
        TRY(emit_program(out, "kDefaultProgram", policy, capabilities.defaults, native, table));
        TRY(emit_program(out, "kStrictProgram", strict, 0, native, table));
        TRY(emit_program(out, "kNetworkProgram", network, 0, native, table));
        return emit_program(out, "kGatewayProgram", gateway, 0, native, table);
    };
    out << "#if defined(__x86_64__)\n";
    TRY(emit_programs(Architecture::x86_64));
    out << "#elif defined(__aarch64__)\n";
    TRY(emit_programs(Architecture::aarch64));
    out << "#endif\n";
    out.close();
    if (!out) return fail(Code::io, "cannot write " + output);
    return {};
}

}  // namespace
}  // namespace crank::policy

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: policy_generate DIRECTORY OUTPUT\n");
        return 2;
    }
    if (auto done = crank::policy::generate(argv[1], argv[2]); !done) {
        std::fprintf(stderr, "policy_generate: %s\n", done.error().text().c_str());
        std::remove(argv[2]);
        return 1;
    }
    return 0;
}
