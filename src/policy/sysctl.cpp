#include "policy/sysctl.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "policy/sysctl_rules.h"

namespace crank::policy {
namespace {

bool well_formed(std::string_view name) {
    auto parts = split(name, '.');
    return parts.size() > 1 && std::ranges::all_of(parts, [](const std::string& part) {
               return !part.empty() && std::ranges::all_of(part, [](char c) {
                   return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '_' || c == '-';
               });
           });
}

bool owns(const OwnNamespaces& own, SysctlNamespace kind) {
    switch (kind) {
        case SysctlNamespace::ipc: return own.ipc;
        case SysctlNamespace::network: return own.network;
        case SysctlNamespace::uts: return own.uts;
    }
    return false;
}

std::string_view word(SysctlNamespace kind) {
    return kSysctlNamespaceWords[static_cast<std::size_t>(kind)];
}

}  // namespace

Result<> check_sysctl(std::string_view name, const OwnNamespaces& own) {
    std::string quoted = "sysctl \"" + std::string(name) + "\"";
    if (!well_formed(name))
        return fail(Code::invalid_argument, quoted + " is not a name like net.core.somaxconn");
    auto rule = std::ranges::find_if(sysctl_rules(), [name](const SysctlRule& candidate) {
        return candidate.name.ends_with('.') ? name.starts_with(candidate.name)
                                             : name == candidate.name;
    });
    if (rule == sysctl_rules().end())
        return fail(
            Error(Code::permission_denied, quoted + " is a setting of the whole host")
                .with_hint("set it on the host: sysctl -w " + std::string(name) + "=VALUE"));
    if (!owns(own, rule->kind))
        return fail(Code::permission_denied,
                    quoted + " belongs to the " + std::string(word(rule->kind)) +
                        " namespace, which the container shares with the host");
    return {};
}

}  // namespace crank::policy
