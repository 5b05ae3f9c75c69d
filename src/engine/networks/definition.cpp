#include "engine/networks/definition.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"
#include "engine/options.h"
#include "network/subnet.h"
#include "sys/ipv4.h"
#include "sys/ipv6.h"
#include "sys/net_device.h"

namespace crank::engine::networks {
namespace {

using Json = nlohmann::ordered_json;
using sys::parse_ipv4;
using sys::parse_ipv4_prefix;
using sys::parse_ipv6;
using sys::parse_ipv6_prefix;

constexpr int kVersion = 1;
constexpr int kWidest6 = 48, kNarrowest6 = 112;  // room for what IPv4 addresses are counted in

Error bad(const char* flag, const std::string& text, const std::string& why) {
    return Error(Code::invalid_argument, std::string(flag) + " " + text + ": " + why);
}

Result<> check_driver(const std::string& driver) {
    if (driver == "bridge") return {};
    return fail(Error(Code::unsupported, "network driver \"" + driver + "\" is not supported")
                    .with_hint("--driver bridge, the usual one"));
}

bool is_truth(const std::string& value) {
    static constexpr std::array<std::string_view, 4> kWords = {"true", "false", "1", "0"};
    return std::ranges::find(kWords, value) != kWords.end();
}

Result<> check_option(const std::string& key, const std::string& value) {
    if (key == kOptionMtu) {
        constexpr std::int64_t kLeast = 576, kMost = 65535;
        auto mtu = parse_int(value);
        if (!mtu || *mtu < kLeast || *mtu > kMost)
            return fail(bad("--opt", key + "=" + value, "a number from 576 to 65535 is wanted"));
        return {};
    }
    if (key == kOptionDevice) {
        if (sys::is_device_name(value)) return {};
        return fail(bad("--opt", key + "=" + value, "it is no name of a device"));
    }
    if (key == kOptionMasquerade || key == kOptionBetween) {
        if (is_truth(value)) return {};
        return fail(bad("--opt", key + "=" + value, "true or false is wanted"));
    }
    return fail(Error(Code::unsupported, "--opt " + key + ": crank has no such option of a network")
                    .with_hint(std::string(kOptionMtu) + ", " + std::string(kOptionDevice) + ", " +
                               std::string(kOptionMasquerade) + ", " +
                               std::string(kOptionBetween)));
}

// The range it lies in is a network's own only if nobody else has it.
Result<> refuse_overlap(const Definition& wanted, const std::vector<Definition>& others) {
    auto four = parse_ipv4_prefix(wanted.subnet);
    auto six = parse_ipv6_prefix(wanted.subnet6);
    for (const Definition& other : others) {
        auto its_four = parse_ipv4_prefix(other.subnet);
        auto its_six = parse_ipv6_prefix(other.subnet6);
        bool meets4 = four && its_four && four->overlaps(*its_four);
        bool meets6 = six && its_six && six->overlaps(*its_six);
        if (!meets4 && !meets6) continue;
        return fail(Error(Code::in_use, "subnet " + (meets4 ? wanted.subnet : wanted.subnet6) +
                                            " overlaps " + (meets4 ? other.subnet : other.subnet6) +
                                            " of network " + other.name)
                        .with_hint("choose another range, or none: crank finds one"));
    }
    return {};
}

Result<> set_subnets(const Asked& asked, Definition& made) {
    for (const std::string& text : asked.subnets) {
        bool six = text.find(':') != std::string::npos;
        std::string& field = six ? made.subnet6 : made.subnet;
        if (!field.empty())
            return fail(bad("--subnet", text, "a second one of its kind, which crank has not"));
        if (six) {
            auto prefix = parse_ipv6_prefix(text);
            if (!prefix || prefix->length < kWidest6 || prefix->length > kNarrowest6)
                return fail(bad("--subnet", text,
                                "an IPv6 range from /48 to /112 is wanted, like fd00:1::/64"));
            if (!asked.ipv6) return fail(bad("--subnet", text, "an IPv6 range without --ipv6"));
            field = prefix->text();
        } else {
            field = TRY_IN(network::parse_subnet(text), "--subnet").text();
        }
    }
    return {};
}

Result<> set_gateways(const Asked& asked, Definition& made) {
    auto four = parse_ipv4_prefix(made.subnet);
    auto six = parse_ipv6_prefix(made.subnet6);
    for (const std::string& text : asked.gateways) {
        auto address = parse_ipv4(text);
        auto address6 = parse_ipv6(text);
        if (!address && !address6) return fail(bad("--gateway", text, "it is no IP address"));
        bool inside = address ? four && four->contains(*address) : six && six->contains(*address6);
        if (!inside)
            return fail(bad("--gateway", text, "no --subnet has it").with_hint("--subnet RANGE"));
        bool edge = address ? *address == four->base ||
                                  address->value - four->base.value == four->size() - 1
                            : *address6 == six->base;
        if (edge) return fail(bad("--gateway", text, "the range keeps that address for itself"));
        std::string& field = address ? made.gateway : made.gateway6;
        if (!field.empty()) return fail(bad("--gateway", text, "a second one of its kind"));
        field = address ? address->text() : address6->text();
    }
    return {};
}

Result<> set_range(const Asked& asked, Definition& made) {
    if (asked.ranges.empty()) return {};
    const std::string& text = asked.ranges.front();
    if (asked.ranges.size() > 1)
        return fail(bad("--ip-range", asked.ranges[1], "a second one, which crank has not"));
    auto four = parse_ipv4_prefix(made.subnet);
    auto range = parse_ipv4_prefix(text);
    if (!range) return fail(bad("--ip-range", text, "an IPv4 range is wanted"));
    if (!four || range->length < four->length || !four->contains(range->base))
        return fail(bad("--ip-range", text, "no --subnet has it").with_hint("--subnet RANGE"));
    made.range = range->text();
    return {};
}

}  // namespace

Result<> check_name(std::string_view name) {
    if (engine::check_name(name)) return {};
    return fail(Code::invalid_argument,
                "invalid network name \"" + std::string(name) +
                    "\": 2 to 128 letters, digits, '_', '.' and '-', a letter or digit first");
}

Result<Definition> define(const Asked& asked, const std::vector<Definition>& others) {
    TRY(check_name(asked.name));
    TRY(check_driver(asked.driver));
    bool taken = is_predefined_network(asked.name) ||
                 std::ranges::any_of(
                     others, [&](const Definition& other) { return other.name == asked.name; });
    if (taken)
        return fail(
            Error(Code::already_exists, "network with name " + asked.name + " already exists")
                .with_hint("crank network ls"));
    Definition made{.id = {}, .name = asked.name};
    for (const auto& [key, value] : asked.options) TRY(check_option(key, value));
    TRY(set_subnets(asked, made));
    TRY(set_gateways(asked, made));
    TRY(set_range(asked, made));
    TRY(refuse_overlap(made, others));
    made.internal = asked.internal;
    made.attachable = asked.attachable;
    made.options = asked.options;
    made.labels = asked.labels;
    return made;
}

Result<> complete(Definition& definition) {
    auto four = parse_ipv4_prefix(definition.subnet);
    if (!four) return fail(Code::internal, "a network without a range: " + definition.subnet);
    if (definition.gateway.empty()) definition.gateway = network::gateway_of(*four).text();
    auto six = parse_ipv6_prefix(definition.subnet6);
    if (six && definition.gateway6.empty()) definition.gateway6 = six->base.plus(1).text();
    return {};
}

std::string unique_subnet6(std::uint64_t random) {
    sys::Ipv6Prefix prefix{{}, 64};
    prefix.base.bytes[0] = 0xfd;
    for (std::size_t i = 1; i < 6; ++i)
        prefix.base.bytes[i] = static_cast<std::uint8_t>(random >> (i * 8));
    return prefix.text();
}

bool says_no(const std::map<std::string, std::string>& options, std::string_view option) {
    auto found = options.find(std::string(option));
    return found != options.end() && (found->second == "false" || found->second == "0");
}

bool reach_each_other(const std::map<std::string, std::string>& options) {
    return !says_no(options, kOptionBetween);
}

std::string serialize(const Definition& definition) {
    Json json = {{"version", kVersion},
                 {"id", definition.id},
                 {"name", definition.name},
                 {"created", definition.created_ns},
                 {"subnet", definition.subnet},
                 {"gateway", definition.gateway},
                 {"range", definition.range},
                 {"subnet6", definition.subnet6},
                 {"gateway6", definition.gateway6},
                 {"internal", definition.internal},
                 {"attachable", definition.attachable},
                 {"options", definition.options},
                 {"labels", definition.labels}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Definition> parse_definition(std::string_view text) {
    try {
        Json json = Json::parse(text);
        if (int version = json.at("version"); version != kVersion)
            return fail(Code::corrupt, "it has version " + std::to_string(version) +
                                           ", this crank knows " + std::to_string(kVersion));
        using Map = std::map<std::string, std::string>;
        return Definition{.id = json.at("id"),
                          .name = json.at("name"),
                          .created_ns = json.at("created"),
                          .subnet = json.at("subnet"),
                          .gateway = json.at("gateway"),
                          .range = json.at("range"),
                          .subnet6 = json.at("subnet6"),
                          .gateway6 = json.at("gateway6"),
                          .internal = json.at("internal"),
                          .attachable = json.at("attachable"),
                          .options = json.at("options").get<Map>(),
                          .labels = json.at("labels").get<Map>()};
    } catch (const nlohmann::json::exception& e) {
        return fail(Code::corrupt, e.what());
    }
}

}  // namespace crank::engine::networks
