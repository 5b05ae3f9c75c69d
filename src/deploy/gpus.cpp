#include "deploy/gpus.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/gpu/resolve.h"
#include "engine/lifecycle.h"
#include "engine/local/prepare.h"
#include "engine/state.h"

namespace crank::deploy {
namespace {

namespace gpu = engine::gpu;
using Use = std::map<std::string, std::set<std::string>>;

Result<gpu::Places> places_here(const engine::Config& config) {
    return gpu::places_of(config, TRY(engine::local::host_for_containers()).architecture);
}

// Which containers that run have what of which GPU.
Result<Use> gpus_in_use(const engine::Paths& paths, const gpu::Places& places) {
    Use use;
    for (const engine::Container& container : TRY(engine::list(paths))) {
        const engine::Record& record = container.record;
        if (container.state.status != engine::Status::running) continue;
        auto choices = gpu::choices_of({record.gpus, record.devices}, places);
        if (!choices) continue;
        for (const gpu::Choice& choice : *choices)
            for (std::size_t i = 0; i < std::min(choice.count, choice.from.size()); i++)
                for (const std::string& node : choice.from[i].nodes) use[node].insert(record.id);
    }
    return use;
}

// How many have something of it.
std::size_t users_of(const gpu::Choice::Gpu& one, const Use& use) {
    std::set<std::string> users;
    for (const std::string& node : one.nodes)
        if (auto found = use.find(node); found != use.end())
            users.insert(found->second.begin(), found->second.end());
    return users.size();
}

}  // namespace

Result<void> find_gpus(const engine::Paths& paths, const engine::Config& config, Desired& desired) {
    std::optional<gpu::Places> places;
    for (DesiredService& service : desired.services) {
        service.gpus.clear();
        gpu::Wanted wanted{service.gpus_flag, service.devices};
        if (service.native || !wanted.any()) continue;
        // Who can start no container is told so elsewhere.
        if (!places) {
            auto here = places_here(config);
            if (!here) return {};
            places = std::move(*here);
        }
        auto choices = gpu::choices_of(wanted, *places);
        if (!choices) continue;
        for (gpu::Choice& choice : *choices) {
            GpuChoice& one = service.gpus.emplace_back();
            one.count = choice.count;
            for (gpu::Choice::Gpu& from : choice.from)
                one.from.push_back({std::move(from.name), std::move(from.nodes)});
        }
    }
    if (places) desired.gpus_in_use = TRY(gpus_in_use(paths, *places));
    return {};
}

Result<void> choose_gpus(const engine::Paths& paths, const engine::Config& config,
                         engine::RunOptions& options) {
    if (options.gpus.empty()) return {};
    gpu::Places places = TRY(places_here(config));
    auto choices = gpu::choices_of({options.gpus, {}}, places);
    // Its start says why.
    if (!choices || choices->front().count == choices->front().from.size()) return {};
    const std::vector<gpu::Choice::Gpu>& from = choices->front().from;
    const Use use = TRY(gpus_in_use(paths, places));
    std::vector<std::pair<std::size_t, std::size_t>> order;  // users, place
    for (std::size_t i = 0; i < from.size(); i++) order.emplace_back(users_of(from[i], use), i);
    std::ranges::sort(order);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < choices->front().count; i++)
        names.push_back(from[order[i].second].name);
    options.gpus = gpu::request_for(names);
    return {};
}

}  // namespace crank::deploy
