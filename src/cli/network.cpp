// crank network create, ls, rm, prune.
#include "cli/network.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/units.h"
#include "cli/confirm.h"
#include "cli/filter.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "engine/events.h"
#include "engine/lifecycle.h"
#include "engine/names.h"
#include "engine/options.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;
namespace networks = engine::networks;
using networks::Definition;

constexpr Flag kCreateFlags[] = {
    {"driver", 'd', FlagKind::value, "bridge", "the only one"},
    {"subnet", 0, FlagKind::list, "RANGE", "its addresses: 10.7.0.0/24, with --ipv6 fd00:7::/64"},
    {"gateway", 0, FlagKind::list, "ADDRESS", "the bridge's own (the range's first)"},
    {"ip-range", 0, FlagKind::list, "RANGE", "of these containers get some that ask for none"},
    {"internal", 0, FlagKind::boolean, "", "nothing leads out of it"},
    {"ipv6", 0, FlagKind::boolean, "", "IPv6 addresses, too"},
    {"label", 0, FlagKind::list, "NAME[=VALUE]", "a label for your own use"},
    {"opt", 'o', FlagKind::list, "NAME=VALUE",
     "com.docker.network.driver.mtu=, com.docker.network.bridge.name=, .enable_icc=, "
     ".enable_ip_masquerade="},
    {"attachable", 0, FlagKind::boolean, "", "as every network is"},
};
constexpr MissingFlag kCreateMissing[] = {
    {"aux-address", 0, true, "--ip-range leaves addresses out"},
    {"config-from", 0, true, "--subnet and --gateway of each network"},
    {"config-only", 0, false, "--subnet and --gateway of each network"},
    {"ingress", 0, false, "it is for swarms; crank up publishes ports of replicas"},
    {"ipam-driver", 0, true, "--subnet, --ip-range and --gateway"},
    {"ipam-opt", 0, true, "--subnet, --ip-range and --gateway"},
    {"ipv4", 0, false, "every network has IPv4 addresses"},
    {"scope", 0, true, "a network is this machine's: leave it out"},
};
constexpr Flag kLsFlags[] = {
    {"filter", 'f', FlagKind::list, "FILTER",
     "name=TEXT, id=, label=NAME[=VALUE], driver=, scope=, type=custom|builtin, "
     "dangling=true|false"},
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.Name}}"},
    {"no-trunc", 0, FlagKind::boolean, "", "ids in full"},
    {"quiet", 'q', FlagKind::boolean, "", "ids alone"},
};
constexpr Flag kRmFlags[] = {
    {"force", 'f', FlagKind::boolean, "", "one that is not there is no error"},
};
constexpr Flag kPruneFlags[] = {
    {"force", 'f', FlagKind::boolean, "", "do not ask"},
    {"filter", 0, FlagKind::list, "FILTER", "until=24h, label=NAME[=VALUE], label!=NAME[=VALUE]"},
};
constexpr std::string_view kCreateExamples[] = {
    "crank network create front",
    "crank network create --internal --subnet 10.7.0.0/24 back",
    "crank network create --ipv6 --label team=mail mail",
};
constexpr std::string_view kLsExamples[] = {"crank network ls",
                                            "crank network ls -q --filter type=custom"};
constexpr std::string_view kRmExamples[] = {"crank network rm front back"};
constexpr std::string_view kPruneExamples[] = {"crank network prune -f",
                                               "crank network prune -f --filter until=24h"};
constexpr std::string_view kLsFilters[] = {"dangling", "driver", "id",  "label",
                                           "name",     "scope",  "type"};
constexpr std::string_view kPruneFilters[] = {"label", "label!", "until"};
constexpr Column kColumns[] = {
    {"ID", "NETWORK ID"},        {"Name", "NAME"},
    {"Driver", "DRIVER"},        {"Scope", "SCOPE"},
    {"IPv6", "IPV6", false},     {"Internal", "INTERNAL", false},
    {"Labels", "LABELS", false}, {"CreatedAt", "CREATED AT", false},
};

void note_network(const engine::Paths& paths, const Definition& definition,
                  const std::string& action) {
    engine::note_event(paths, {.type = "network",
                               .action = action,
                               .id = definition.id,
                               .attributes = {{"name", definition.name}, {"type", "bridge"}}});
}

Result<networks::Asked> read_asked(const Arguments& arguments) {
    networks::Asked asked;
    asked.name = arguments.words()[0];
    asked.driver = arguments.value("driver", "bridge");
    asked.subnets = arguments.values("subnet");
    asked.gateways = arguments.values("gateway");
    asked.ranges = arguments.values("ip-range");
    asked.ipv6 = arguments.on("ipv6");
    asked.internal = arguments.on("internal");
    asked.attachable = arguments.on("attachable");
    for (const std::string& text : arguments.values("label")) {
        auto [name, value] = TRY(engine::parse_label(text));
        asked.labels.insert_or_assign(name, value);
    }
    for (const std::string& text : arguments.values("opt")) {
        auto [name, value] = TRY(engine::parse_assignment("--opt", text));
        asked.options.insert_or_assign(name, value);
    }
    return asked;
}

Result<int> perform_create(Invocation& invocation) {
    networks::Asked asked = TRY(read_asked(invocation.arguments));
    NetworkHome home = TRY(network_home(invocation.paths));
    // pasta leads out by IPv4.
    if (home.kept && asked.ipv6 && !asked.internal)
        return fail(
            Error(Code::unsupported, "--ipv6 needs root: without it no IPv6 leads out of a network")
                .with_hint("--internal makes a network that has it inside"));
    networks::sweep(invocation.paths, home.fd());
    Definition made = TRY(networks::create(invocation.paths, asked, home.fd()));
    note_network(invocation.paths, made, "create");
    print_line(made.id);
    return 0;
}

std::string labels_text(const Definition& definition) {
    std::string text;
    for (const auto& [name, value] : definition.labels)
        text += (text.empty() ? "" : ",") + name + "=" + value;
    return text;
}

Json row_of(const ShownNetwork& network, bool whole) {
    const Definition& definition = network.definition;
    return {{"ID", whole ? definition.id : definition.id.substr(0, engine::kShortIdLength)},
            {"Name", definition.name},
            {"Driver", network.driver},
            {"Scope", "local"},
            {"IPv6", !definition.subnet6.empty()},
            {"Internal", definition.internal},
            {"Labels", labels_text(definition)},
            {"CreatedAt", time_text(definition.created_ns)}};
}

// Ids of the networks that a container names, running or not.
Result<std::set<std::string>> wanted_by_containers(const engine::Paths& paths) {
    std::set<std::string> ids;
    for (const engine::Container& container : TRY(engine::list(paths)))
        for (const engine::EndpointRecord& endpoint : container.record.networks)
            ids.insert(endpoint.network_id);
    return ids;
}

Result<> check_filters(const Filters& filters) {
    for (const std::string& type : filters.values("type"))
        if (type != "custom" && type != "builtin")
            return fail(Code::usage, "--filter type=" + type + ": custom or builtin");
    for (const std::string& text : filters.values("dangling"))
        TRY(parse_truth(text, "dangling=" + text));
    return {};
}

bool pleases(const ShownNetwork& network, const Filters& filters,
             const std::set<std::string>& used) {
    const Definition& d = network.definition;
    auto is_dangling = [&](const std::string& text) {
        bool dangling = !network.predefined && !used.contains(d.id);
        return dangling == parse_truth(text, text).value_or(false);
    };
    return filters.any("name",
                       [&](const std::string& n) { return d.name.find(n) != std::string::npos; }) &&
           filters.any("id", [&](const std::string& id) { return d.id.starts_with(id); }) &&
           filters.any("driver", [&](const std::string& v) { return v == network.driver; }) &&
           filters.any("scope", [](const std::string& v) { return v == "local"; }) &&
           filters.all("label", [&](const std::string& l) { return matches_label(d.labels, l); }) &&
           filters.any(
               "type",
               [&](const std::string& t) { return (t == "builtin") == network.predefined; }) &&
           filters.any("dangling", is_dangling);
}

Result<int> perform_ls(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    Filters filters = TRY(Filters::parse(arguments.values("filter"), kLsFilters));
    TRY(check_filters(filters));
    std::set<std::string> used;
    if (filters.has("dangling")) used = TRY(wanted_by_containers(invocation.paths));
    std::vector<Json> rows;
    for (const ShownNetwork& network : TRY(all_networks(invocation.paths)))
        if (pleases(network, filters, used))
            rows.push_back(row_of(network, arguments.on("no-trunc")));
    if (arguments.on("quiet")) {
        for (const Json& row : rows) print_line(row["ID"].get<std::string>());
        return 0;
    }
    print(TRY(format_list(arguments.value("format"), kColumns, rows)));
    return 0;
}

Result<> remove_one(const engine::Paths& paths, const std::string& name, const NetworkHome& home) {
    ShownNetwork network = TRY(find_network(paths, name));
    if (network.predefined)
        return fail(Code::invalid_argument,
                    network.definition.name + " is a pre-defined network and cannot be removed");
    TRY(networks::remove(paths, network.definition, home.fd()));
    note_network(paths, network.definition, "destroy");
    return {};
}

Result<int> perform_rm(Invocation& invocation) {
    NetworkHome home = TRY(network_home(invocation.paths));
    networks::sweep(invocation.paths, home.fd());
    int code = 0;
    for (const std::string& name : invocation.arguments.words()) {
        Result<> removed = remove_one(invocation.paths, name, home);
        bool absent = !removed && removed.error().code() == Code::not_found;
        if (removed) {
            print_line(name);
        } else if (!absent || !invocation.arguments.on("force")) {
            report("network rm", removed.error(), invocation.debug);
            code = 1;
        }
    }
    return code;
}

Result<int> perform_prune(Invocation& invocation) {
    Filters filters = TRY(Filters::parse(invocation.arguments.values("filter"), kPruneFilters));
    std::int64_t before = TRY(made_before(filters));
    if (!TRY(confirmed(invocation.arguments, "network prune",
                       "all networks that no container is to be on")))
        return 1;
    NetworkHome home = TRY(network_home(invocation.paths));
    networks::sweep(invocation.paths, home.fd());
    std::set<std::string> used = TRY(wanted_by_containers(invocation.paths));
    std::vector<std::string> removed;
    for (const Definition& definition : TRY(networks::list(invocation.paths))) {
        auto has = [&](const std::string& label) {
            return matches_label(definition.labels, label);
        };
        auto lacks = [&](const std::string& label) { return !has(label); };
        if (used.contains(definition.id) || definition.created_ns > before ||
            !filters.all("label", has) || !filters.all("label!", lacks))
            continue;
        Result<> done = networks::remove(invocation.paths, definition, home.fd());
        // Taken, or removed by another, meanwhile.
        if (!done &&
            (done.error().code() == Code::in_use || done.error().code() == Code::not_found))
            continue;
        TRY(std::move(done));
        note_network(invocation.paths, definition, "destroy");
        removed.push_back(definition.name);
    }
    if (!removed.empty()) print_line("Deleted Networks:");
    for (const std::string& name : removed) print_line(name);
    return 0;
}

}  // namespace

Result<NetworkHome> network_home(const engine::Paths& paths) {
    return NetworkHome{TRY(engine::find_kept(paths))};
}

constinit const Verb kNetworkCreate = {
    .name = "network create",
    .summary = "make a network, on which containers find each other by name",
    .group = Group::containers,
    .syntax = {.flags = kCreateFlags,
               .missing = kCreateMissing,
               .min_words = 1,
               .max_words = 1,
               .arguments = "NAME"},
    .examples = kCreateExamples,
    .rights = Rights::required,
    .perform = perform_create,
};
constinit const Verb kNetworkLs = {
    .name = "network ls",
    .summary = "list the networks",
    .group = Group::containers,
    .syntax = {.flags = kLsFlags},
    .examples = kLsExamples,
    .perform = perform_ls,
};
constinit const Verb kNetworkRm = {
    .name = "network rm",
    .summary = "remove networks that no container is on",
    .group = Group::containers,
    .syntax = {.flags = kRmFlags,
               .min_words = 1,
               .max_words = kAnyWords,
               .arguments = "NETWORK [NETWORK...]"},
    .examples = kRmExamples,
    .rights = Rights::required,
    .perform = perform_rm,
};
constinit const Verb kNetworkPrune = {
    .name = "network prune",
    .summary = "remove the networks that no container is to be on",
    .group = Group::containers,
    .syntax = {.flags = kPruneFlags},
    .examples = kPruneExamples,
    .rights = Rights::required,
    .perform = perform_prune,
};

}  // namespace crank::cli
