#include "policy/capability.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace crank::policy {
namespace {

// linux/capability.h, in order of number.
constexpr std::array<std::string_view, kCapabilityCount> kNames = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_all(std::string_view word) {
    return to_lower(word) == "all" || to_lower(word) == "cap_all";
}

bool has_all(std::span<const std::string> words) { return std::ranges::any_of(words, is_all); }

// As capability_set, and ALL is every capability.
Result<CapabilitySet> flag_values(std::span<const std::string> words) {
    std::vector<std::string> names;
    std::ranges::copy_if(words, std::back_inserter(names),
                         [](const std::string& word) { return !is_all(word); });
    CapabilitySet named = TRY(capability_set(names));
    return has_all(words) ? kAllCapabilities : named;
}

}  // namespace

std::string_view capability_name(int capability) {
    return kNames[static_cast<std::size_t>(capability)];
}

std::optional<int> capability_number(std::string_view name) {
    constexpr std::string_view kPrefix = "CAP_";
    auto is_same = [](std::string_view known, std::string_view word) {
        return std::ranges::equal(known, word, {}, {}, to_upper);
    };
    if (is_same(kPrefix, name.substr(0, kPrefix.size()))) name.remove_prefix(kPrefix.size());
    for (int n = 0; n < kCapabilityCount; ++n) {
        if (is_same(capability_name(n).substr(kPrefix.size()), name)) return n;
    }
    return std::nullopt;
}

std::vector<std::string> capability_names(CapabilitySet set) {
    std::vector<std::string> names;
    for (int n = 0; n < kCapabilityCount; ++n) {
        if (contains(set, n)) names.emplace_back(capability_name(n));
    }
    return names;
}

Result<CapabilitySet> capability_set(std::span<const std::string> names) {
    CapabilitySet set = 0;
    for (const std::string& name : names) {
        std::optional<int> number = capability_number(name);
        if (!number) {
            Error error(Code::invalid_argument, "unknown capability \"" + name + "\"");
            std::string word = name;
            std::ranges::transform(word, word.begin(), to_upper);
            if (!word.starts_with("CAP_")) word.insert(0, "CAP_");
            if (auto near = did_you_mean(word, kNames))
                return fail(std::move(error).with_hint("did you mean " + *near + "?"));
            return fail(std::move(error).with_hint("man 7 capabilities lists them"));
        }
        set |= bit(*number);
    }
    return set;
}

Result<CapabilitySet> adjust_capabilities(CapabilitySet base, std::span<const std::string> add,
                                          std::span<const std::string> drop) {
    CapabilitySet added = TRY_IN(flag_values(add), "--cap-add");
    CapabilitySet dropped = TRY_IN(flag_values(drop), "--cap-drop");
    if (has_all(add) && has_all(drop))
        return fail(Error(Code::invalid_argument, "--cap-add ALL contradicts --cap-drop ALL")
                        .with_hint("keep the one that is meant"));
    if (has_all(add)) return kAllCapabilities & ~dropped;
    if (has_all(drop)) return added;
    return (base & ~dropped) | added;
}

}  // namespace crank::policy
