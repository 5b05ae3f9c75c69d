#include "oci/seccomp_profile.h"

#include <algorithm>

#include "base/text.h"
#include "oci/json_reader.h"
#include "oci/runtime_spec_linux.h"

namespace crank::oci {
namespace {

// The word of config-linux.md for the architecture that crank runs on.
std::string_view native_word(std::string_view architecture) {
    return architecture == "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";
}

// Includes, or excludes, of a rule: each list that is there has its say.
struct Condition {
    std::vector<std::string> architectures, capabilities;
    std::string min_kernel;
    bool empty() const {
        return architectures.empty() && capabilities.empty() && min_kernel.empty();
    }
};

Result<Condition> read_condition(ObjectReader& rule, std::string_view name) {
    Condition condition;
    TRY(rule.object(name, [&](ObjectReader& in) -> Result<> {
        TRY(in.read("arches", condition.architectures));
        TRY(in.read("caps", condition.capabilities));
        TRY(in.read("minKernel", condition.min_kernel));
        return in.refuse_unknown();
    }));
    return condition;
}

// "4.8": whether the kernel is at least that.
Result<bool> is_kernel(const std::string& wanted, const SeccompWorld& world,
                       const ObjectReader& rule) {
    std::vector<std::string> parts = split(wanted, '.');
    auto major = parse_int(parts.front());
    auto minor = parts.size() == 2 ? parse_int(parts[1]) : std::nullopt;
    if (!major || !minor) return rule.bad("minKernel", "is no version like 4.8: " + wanted);
    return std::pair(std::int64_t{world.kernel_major}, std::int64_t{world.kernel_minor}) >=
           std::pair(*major, *minor);
}

bool has(const std::vector<std::string>& list, std::string_view word) {
    return std::ranges::find(list, word) != list.end();
}

// All that it includes must hold: one of the architectures, each of the capabilities.
Result<bool> is_included(const Condition& condition, const SeccompWorld& world,
                         const ObjectReader& rule) {
    if (!condition.architectures.empty() && !has(condition.architectures, world.architecture))
        return false;
    if (!condition.min_kernel.empty() && !TRY(is_kernel(condition.min_kernel, world, rule)))
        return false;
    return std::ranges::all_of(condition.capabilities, [&](const std::string& name) {
        return has(world.capabilities, name);
    });
}

// And nothing that it excludes.
Result<bool> is_excluded(const Condition& condition, const SeccompWorld& world,
                         const ObjectReader& rule) {
    if (condition.empty()) return false;
    if (has(condition.architectures, world.architecture)) return true;
    if (!condition.min_kernel.empty() && TRY(is_kernel(condition.min_kernel, world, rule)))
        return true;
    return std::ranges::any_of(condition.capabilities, [&](const std::string& name) {
        return has(world.capabilities, name);
    });
}

Result<> read_rule(ObjectReader& rule, const SeccompWorld& world, Seccomp& out) {
    SeccompSyscall call;
    std::string single, comment;
    TRY(rule.read("name", single));  // of profiles before Docker 1.13
    TRY(rule.read("names", call.names));
    TRY(rule.read("comment", comment));
    if (!single.empty() && !call.names.empty()) return rule.bad("name", "stands beside names");
    if (!single.empty()) call.names.push_back(single);
    if (call.names.empty()) return rule.bad("names", "is empty");
    TRY(rule.require("action"));
    TRY(rule.read("action", call.action));
    TRY(rule.read("errnoRet", call.errno_ret));
    std::string errno_name;
    TRY(rule.read("errno", errno_name));  // podman's, beside the number
    TRY(read_seccomp_args(rule, call.args));
    Condition includes = TRY(read_condition(rule, "includes"));
    Condition excludes = TRY(read_condition(rule, "excludes"));
    TRY(rule.refuse_unknown());
    if (TRY(is_included(includes, world, rule)) && !TRY(is_excluded(excludes, world, rule)))
        out.syscalls.push_back(std::move(call));
    return {};
}

// The one map that is of the native architecture; its siblings are meant too.
Result<> read_architectures(ObjectReader& in, const SeccompWorld& world, Seccomp& out) {
    TRY(in.read("architectures", out.architectures));
    return in.each("archMap", [&](const Json& value, const std::string& path) -> Result<> {
        auto map = TRY(in.element(value, path));
        std::string native;
        std::vector<std::string> siblings;
        TRY(map.read("architecture", native));
        TRY(map.read("subArchitectures", siblings));
        TRY(map.refuse_unknown());
        if (!out.architectures.empty() && path.ends_with("[0]"))
            return in.bad("archMap", "stands beside architectures");
        if (native != native_word(world.architecture)) return {};
        out.architectures.push_back(native);
        out.architectures.insert(out.architectures.end(), siblings.begin(), siblings.end());
        return {};
    });
}

}  // namespace

Result<Seccomp> parse_seccomp_profile(std::string_view json, const SeccompWorld& world) {
    Json document = TRY(parse_json(json, Code::invalid_argument));
    ObjectReader in = TRY(ObjectReader::create(document, "", Code::invalid_argument));
    Seccomp out;
    std::string errno_name;
    TRY(in.require("defaultAction"));
    TRY(in.read("defaultAction", out.default_action));
    TRY(in.read("defaultErrnoRet", out.default_errno_ret));
    TRY(in.read("defaultErrno", errno_name));
    TRY(read_architectures(in, world, out));
    TRY(in.read("flags", out.flags));
    TRY(in.read("listenerPath", out.listener_path));
    TRY(in.read("listenerMetadata", out.listener_metadata));
    TRY(in.each("syscalls", [&](const Json& value, const std::string& path) -> Result<> {
        auto rule = TRY(in.element(value, path));
        return read_rule(rule, world, out);
    }));
    TRY(in.refuse_unknown());
    return out;
}

}  // namespace crank::oci
