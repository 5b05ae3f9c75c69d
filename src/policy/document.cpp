#include "policy/document.h"

#include <algorithm>

#include "policy/json_reader.h"

namespace crank::policy {
namespace {

constexpr std::string_view kCpu = "{cpu}";

Result<> expect_version(const Json& json, std::string_view where) {
    if (json["version"] != 1)
        return fail(Code::invalid_argument, std::string(where) + ": \"version\" is not 1");
    return {};
}

Result<std::string> parse_path(const Json& rule, const std::string& where) {
    TRY(expect_fields(rule, where, {"path", "why"}));
    TRY(expect_why(rule, where));
    std::string path = TRY(text_field(rule, where, "path"));
    bool clean = path.starts_with("/") && !path.ends_with("/") &&
                 path.find("//") == std::string::npos && path.find("/.") == std::string::npos;
    if (!clean)
        return fail(Code::invalid_argument, where + ": \"" + path + "\" is not an absolute path");
    return path;
}

Result<std::vector<std::string>> parse_path_list(const Json& list, const std::string& name) {
    TRY(expect_array(list, name));
    std::vector<std::string> paths;
    for (std::size_t i = 0; i < list.size(); ++i) {
        std::string where = name + " path " + std::to_string(i + 1);
        std::string path = TRY(parse_path(list[i], where));
        if (std::ranges::find(paths, path) != paths.end())
            return fail(Code::invalid_argument, where + ": \"" + path + "\" is listed twice");
        paths.push_back(std::move(path));
    }
    return paths;
}

Result<SysctlDocument::Rule> parse_sysctl(const Json& json, const std::string& where) {
    TRY(expect_fields(json, where, {"name", "namespace", "why"}));
    TRY(expect_why(json, where));
    std::string name = TRY(text_field(json, where, "name"));
    std::string kind = TRY(text_field(json, where, "namespace"));
    auto word = std::ranges::find(kSysctlNamespaceWords, kind);
    if (name.find('.') == std::string::npos || name.starts_with('.'))
        return fail(Code::invalid_argument, where + ": \"" + name + "\" is no setting");
    if (word == std::end(kSysctlNamespaceWords))
        return fail(Code::invalid_argument, where + ": no namespace \"" + kind + "\"");
    auto index = word - std::begin(kSysctlNamespaceWords);
    return SysctlDocument::Rule{std::move(name), static_cast<SysctlNamespace>(index)};
}

}  // namespace

Result<CapabilityDocument> parse_capabilities(std::string_view text) {
    const std::string file = "capabilities";
    Json json = TRY(parse_json(text));
    TRY(expect_fields(json, file, {"version", "why", "default"}));
    TRY(expect_version(json, file));
    TRY(expect_why(json, file));
    TRY(expect_array(json["default"], file));
    CapabilityDocument document;
    for (const Json& rule : json["default"]) {
        TRY(expect_fields(rule, "capability", {"name", "why"}));
        std::string name = TRY(text_field(rule, "capability", "name"));
        TRY(expect_why(rule, name));
        CapabilitySet one = TRY(capability_set(std::span(&name, 1)));
        if (document.defaults & one) return fail(Code::invalid_argument, name + " is listed twice");
        document.defaults |= one;
    }
    return document;
}

Result<PathDocument> parse_paths(std::string_view text) {
    const std::string file = "paths";
    Json json = TRY(parse_json(text));
    TRY(expect_fields(json, file, {"version", "why", "masked", "readonly"}));
    TRY(expect_version(json, file));
    TRY(expect_why(json, file));
    PathDocument document;
    for (std::string& path : TRY(parse_path_list(json["masked"], "masked"))) {
        bool per_cpu = path.find(kCpu) != std::string::npos;
        (per_cpu ? document.masked_cpu : document.masked).push_back(std::move(path));
    }
    document.readonly = TRY(parse_path_list(json["readonly"], "readonly"));
    std::ranges::sort(document.masked);
    std::ranges::sort(document.readonly);
    return document;
}

Result<SysctlDocument> parse_sysctls(std::string_view text) {
    const std::string file = "sysctls";
    Json json = TRY(parse_json(text));
    TRY(expect_fields(json, file, {"version", "why", "allowed"}));
    TRY(expect_version(json, file));
    TRY(expect_why(json, file));
    TRY(expect_array(json["allowed"], file));
    SysctlDocument document;
    for (const Json& rule : json["allowed"]) {
        std::string where = "sysctl " + std::to_string(document.allowed.size() + 1);
        document.allowed.push_back(TRY(parse_sysctl(rule, where)));
    }
    return document;
}

}  // namespace crank::policy
