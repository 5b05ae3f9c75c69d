#include "engine/networks/store.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "base/crash_point.h"
#include "base/text.h"
#include "engine/names.h"
#include "engine/options.h"
#include "engine/state.h"
#include "network/service.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::engine::networks {
namespace {

constexpr std::size_t kMaxDocument = std::size_t{1} << 20;
constexpr std::string_view kEnding = ".json";

Error no_such(const std::string& name) {
    return Error(Code::not_found, "no such network: " + name).with_hint("crank network ls");
}

Result<Definition> read(const std::string& path) {
    return TRY_IN(parse_definition(TRY(sys::read_file(path, kMaxDocument))), path);
}

std::string option(const Definition& definition, std::string_view name) {
    auto found = definition.options.find(std::string(name));
    return found == definition.options.end() ? "" : found->second;
}

// One command at a time decides who gets which name and which range.
Result<sys::UniqueFd> lock_all(const Paths& paths) {
    TRY(sys::make_dirs(paths.networks(), 0700));
    return sys::lock_file(paths.networks() + "/.lock", sys::LockMode::exclusive);
}

Result<> choose_ranges(const Asked& asked, const std::vector<Definition>& others, Home home,
                       Definition& made) {
    if (made.subnet.empty()) {
        std::vector<std::string> taken;
        for (const Definition& other : others) taken.push_back(other.subnet);
        made.subnet = TRY(network::find_subnet(home, taken));
    } else {
        TRY_IN(network::check_free(home, made.subnet), "--subnet");
    }
    if (asked.ipv6 && made.subnet6.empty()) {
        std::array<std::uint8_t, sizeof(std::uint64_t)> bytes;
        TRY(sys::fill_random(bytes));
        std::uint64_t random;
        std::memcpy(&random, bytes.data(), sizeof random);
        made.subnet6 = unique_subnet6(random);
    }
    return complete(made);
}

std::string shown_holder(const Paths& paths, const std::string& id) {
    Result<Container> container = load(paths, id);
    return container ? shown_name(container->record) : id.substr(0, kShortIdLength);
}

Error in_use(const Paths& paths, const Definition& definition,
             const std::vector<std::string>& ids) {
    std::vector<std::string> names;
    for (const std::string& id : ids) names.push_back(shown_holder(paths, id));
    std::ranges::sort(names);
    return Error(Code::in_use, "network " + definition.name + " is in use by " +
                                   (names.size() == 1 ? "container " : "containers ") +
                                   join(names, ", "))
        .with_hint("crank network disconnect " + definition.name + " " + names.front());
}

}  // namespace

std::string file_of(const Paths& paths, const std::string& name) {
    return paths.networks() + "/" + name + std::string(kEnding);
}

std::string state_of(const Paths& paths, const Definition& definition) {
    return paths.network_states() + "/" + definition.id;
}

network::BridgeConfig bridge_of(const Paths& paths, const Definition& definition, Home home) {
    return {
        .device = option(definition, kOptionDevice),
        .subnet = definition.subnet,
        .state_dir = state_of(paths, definition),
        .home = home,
        .definition = file_of(paths, definition.name),
        .gateway = definition.gateway,
        .range = definition.range,
        .subnet6 = definition.subnet6,
        .gateway6 = definition.gateway6,
        .internal = definition.internal,
        .masquerade = !says_no(definition.options, kOptionMasquerade),
        .between = reach_each_other(definition.options),
        .mtu = static_cast<std::uint32_t>(parse_int(option(definition, kOptionMtu)).value_or(0))};
}

Result<Definition> create(const Paths& paths, const Asked& asked, Home home) {
    sys::UniqueFd lock = TRY(lock_all(paths));
    std::vector<Definition> others = TRY(list(paths));
    Definition made = TRY(define(asked, others));
    TRY(choose_ranges(asked, others, home, made));
    made.id = TRY(random_id());
    made.created_ns = sys::wall_clock_ns();
    crash_point("network.create.chosen");
    TRY(sys::write_file_atomic(file_of(paths, made.name), serialize(made), 0600, sys::Sync::yes));
    return made;
}

Result<Definition> find(const Paths& paths, const std::string& name_or_id) {
    if (engine::check_name(name_or_id)) {
        Result<Definition> found = read(file_of(paths, name_or_id));
        if (found || found.error().code() != Code::not_found) return found;
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    bool may_be_id =
        !name_or_id.empty() && name_or_id.find_first_not_of(kDigits) == std::string::npos;
    if (!may_be_id) return fail(no_such(name_or_id));
    std::vector<Definition> meant = TRY(list(paths));
    std::erase_if(meant, [&](const Definition& d) { return !d.id.starts_with(name_or_id); });
    if (meant.empty()) return fail(no_such(name_or_id));
    if (meant.size() > 1)
        return fail(Code::invalid_argument,
                    "several networks have an id that begins with " + name_or_id);
    return meant.front();
}

Result<std::vector<Definition>> list(const Paths& paths) {
    std::vector<Definition> all;
    Result<std::vector<std::string>> entries = sys::list_dir(paths.networks());
    if (!entries && entries.error().code() == Code::not_found) return all;
    for (const std::string& entry : TRY(std::move(entries))) {
        if (entry.starts_with('.') || !entry.ends_with(kEnding)) continue;
        Result<Definition> found = read(paths.networks() + "/" + entry);
        if (found)
            all.push_back(std::move(*found));
        else if (found.error().code() != Code::not_found)  // removed meanwhile
            return fail(std::move(found).error());
    }
    return all;
}

Result<std::vector<std::string>> holders(const std::string& state_dir) {
    std::string dir = state_dir + "/leases";
    Result<std::vector<std::string>> leases = sys::list_dir(dir);
    if (!leases && leases.error().code() == Code::not_found) return std::vector<std::string>();
    std::set<std::string> ids;
    for (const std::string& lease : TRY(std::move(leases)))
        if (Result<std::string> id = sys::read_link(dir + "/" + lease);
            id && !network::is_service(*id))
            ids.insert(*id);
    return std::vector<std::string>(ids.begin(), ids.end());
}

Result<> remove(const Paths& paths, const Definition& definition, Home home) {
    const network::BridgeConfig bridge = bridge_of(paths, definition, home);
    // Of containers that a crash has left.
    TRY(network::sweep_leases(bridge, [&](const std::string& holder) {
        return sys::exists(paths.container(holder)) || sys::exists(paths.monitor(holder));
    }));
    Result<> removed = network::remove_bridge(bridge, [&]() -> Result<> {
        // A look at what is there now: another may have removed it, and made one of that name.
        Definition now = TRY(find(paths, definition.name));
        if (now.id != definition.id) return fail(no_such(definition.name));
        TRY(sys::remove_file(bridge.definition));
        crash_point("network.remove.decided");
        return {};
    });
    if (!removed && removed.error().code() == Code::in_use)
        return fail(in_use(paths, definition, TRY(holders(bridge.state_dir))));
    TRY(std::move(removed));
    return sys::remove_tree(bridge.state_dir);
}

void sweep(const Paths& paths, Home home) {
    Result<std::vector<std::string>> states = sys::list_dir(paths.network_states());
    if (!states || states->empty()) return;
    Result<std::vector<Definition>> known = list(paths);
    if (!known) return;
    for (const std::string& id : *states) {
        if (std::ranges::any_of(*known, [&](const Definition& d) { return d.id == id; })) continue;
        Definition gone;
        gone.id = id;
        network::BridgeConfig bridge{.state_dir = state_of(paths, gone), .home = home};
        if (network::remove_bridge(bridge)) (void)sys::remove_tree(bridge.state_dir);
    }
}

}  // namespace crank::engine::networks
