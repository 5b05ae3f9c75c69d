// --network and what belongs to it.
#include <algorithm>

#include "base/text.h"
#include "engine/csv.h"
#include "engine/options.h"
#include "engine/pasta_options.h"
#include "sys/ipv4.h"

namespace crank::engine {
namespace {

constexpr std::string_view kDefault = "bridge";
constexpr std::string_view kContainer = "container:";

Error bad(std::string_view text, const std::string& why) {
    return Error(Code::invalid_argument, "--network \"" + std::string(text) + "\": " + why);
}

Result<> check_addresses(const std::string& ip, const std::string& ip6) {
    if (!ip.empty() && !sys::parse_ipv4(ip))
        return fail(Code::invalid_argument, "--ip \"" + ip + "\": no IPv4 address");
    if (!ip6.empty() && !sys::is_ipv6(ip6))
        return fail(Code::invalid_argument, "--ip6 \"" + ip6 + "\": no IPv6 address");
    return {};
}

Result<> set_field(std::string_view text, const std::string& field, NetworkUse& use) {
    std::size_t equals = field.find('=');
    std::string key = to_lower(field.substr(0, equals));
    std::string value = equals == std::string::npos ? "" : field.substr(equals + 1);
    if (value.empty()) return fail(bad(text, key + " wants a value"));
    if (key == "name") {
        use.name = value;
    } else if (key == "alias") {
        TRY_IN(check_alias(value), "--network");
        use.aliases.push_back(value);
    } else if (key == "ip") {
        use.ip = value;
    } else if (key == "ip6") {
        use.ip6 = value;
    } else {
        return fail(bad(text, "crank has no \"" + key + "\" of a network")
                        .with_hint("name=, alias=, ip=, ip6="));
    }
    return {};
}

Result<> add(std::string_view text, RunOptions& options, std::vector<NetworkUse>& uses) {
    if (text == "none" || text == "host" || text.starts_with(kContainer) || is_pasta(text)) {
        options.network = TRY(parse_network(text));
        if (text.starts_with(kContainer))
            options.settings.network_of = text.substr(kContainer.size());
        if (is_pasta(text)) options.settings.pasta_options = TRY(parse_pasta(text));
        return {};
    }
    NetworkUse use = TRY(parse_network_use(text));
    if (use.name == "default") use.name = kDefault;
    if (std::ranges::any_of(uses, [&](const NetworkUse& other) { return other.name == use.name; }))
        return fail(bad(text, "it is given twice"));
    uses.push_back(std::move(use));
    return {};
}

// One of the first network, said in two ways: which counts?
Result<> set_first(const NetworkFlags& flags, NetworkUse& first) {
    if ((!flags.ip.empty() && !first.ip.empty()) || (!flags.ip6.empty() && !first.ip6.empty()))
        return fail(Code::invalid_argument,
                    "conflicting options: an address for network " + first.name + " twice");
    if (first.ip.empty()) first.ip = flags.ip;
    if (first.ip6.empty()) first.ip6 = flags.ip6;
    for (const std::string& alias : flags.aliases) {
        TRY_IN(check_alias(alias), "--network-alias");
        first.aliases.push_back(alias);
    }
    return {};
}

Result<> check_default(const NetworkUse& use) {
    if (!use.aliases.empty())
        return fail(Error(Code::invalid_argument,
                          "--network-alias on the default network: names are looked up in networks "
                          "of your own alone")
                        .with_hint("crank network create NAME, and --network NAME"));
    if (!use.ip6.empty())
        return fail(Error(Code::invalid_argument,
                          "--ip6 on the default network: it has IPv4 addresses alone")
                        .with_hint("crank network create --ipv6 NAME, and --network NAME"));
    return {};
}

}  // namespace

bool is_predefined_network(std::string_view name) {
    return name == kDefault || name == "default" || name == "host" || name == "none" ||
           name == kPastaMode;
}

Result<> check_alias(std::string_view alias) {
    constexpr std::size_t kMost = 128;
    bool plain = !alias.empty() && alias.size() <= kMost && alias[0] != '.' && alias[0] != '-' &&
                 std::ranges::all_of(alias, [](unsigned char c) {
                     return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
                 });
    if (plain) return {};
    return fail(Code::invalid_argument,
                "invalid name \"" + std::string(alias) +
                    "\": 1 to 128 letters, digits, '_', '.' and '-', a letter or digit first");
}

Result<NetworkUse> parse_network_use(std::string_view text) {
    NetworkUse use;
    if (text.find('=') == std::string_view::npos) {
        if (text.empty()) return fail(bad(text, "a name is wanted"));
        use.name = text;
        return use;
    }
    for (const std::string& field : TRY(csv_fields(text))) TRY(set_field(text, field, use));
    if (use.name.empty()) return fail(bad(text, "name=NAME is missing"));
    TRY(check_addresses(use.ip, use.ip6));
    return use;
}

Result<> apply_network_flags(const NetworkFlags& flags, RunOptions& options) {
    TRY(check_addresses(flags.ip, flags.ip6));
    std::vector<NetworkUse> uses;
    for (const std::string& text : flags.networks) TRY(add(text, options, uses));
    if (options.network != NetworkMode::bridge) {
        std::string mode(network_name(options.network));
        if (flags.networks.size() > 1)
            return fail(Code::invalid_argument,
                        "conflicting options: --network " + mode + " goes with no other network");
        const char* lost = !flags.ip.empty()        ? "--ip"
                           : !flags.ip6.empty()     ? "--ip6"
                           : !flags.aliases.empty() ? "--network-alias"
                                                    : nullptr;
        if (lost == nullptr) return {};
        return fail(Error(Code::invalid_argument,
                          std::string(lost) + " is for a container on the bridge or a network")
                        .with_hint("leave out --network " + mode));
    }
    if (uses.empty()) uses.push_back({.name = std::string(kDefault)});
    TRY(set_first(flags, uses.front()));
    for (const NetworkUse& use : uses)
        if (use.name == kDefault) TRY(check_default(use));
    if (uses.size() == 1 && uses.front().name == kDefault)
        options.settings.ip = uses.front().ip;
    else
        options.networks = std::move(uses);
    return {};
}

}  // namespace crank::engine
