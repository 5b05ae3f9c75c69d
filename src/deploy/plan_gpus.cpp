#include "deploy/plan_gpus.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace crank::deploy {

bool SpareGpus::has_some(const ObservedContainer& old) const {
    return old.native_gpu || std::ranges::any_of(desired_.gpus_in_use, [&](const auto& one) {
               return one.second.contains(old.id);
           });
}

bool SpareGpus::is_free(const GpuChoice::Gpu& gpu) const {
    return std::ranges::none_of(gpu.nodes, [&](const std::string& node) {
        auto used = desired_.gpus_in_use.find(node);
        if (used != desired_.gpus_in_use.end() && !used->second.empty()) return true;
        return std::ranges::any_of(taken_,
                                   [&](const auto& taken) { return taken.second.contains(node); });
    });
}

std::string SpareGpus::in_the_way(const DesiredService& service, const ObservedContainer& old,
                                  bool together) {
    if (!has_some(old)) return "";
    if (service.native_gpu) return "it uses the GPU, and nobody can give a process another one";
    if (old.native_gpu && !service.gpus.empty()) return "it uses the GPU, and nobody knows which";
    if (!together) taken_.erase(service.name);
    std::set<std::string> taken;
    for (const GpuChoice& choice : service.gpus) {
        std::vector<std::string> names;
        std::size_t free = 0;
        for (const GpuChoice::Gpu& gpu : choice.from) {
            names.push_back(gpu.name);
            if (free == choice.count || !is_free(gpu)) continue;
            free++;
            taken.insert(gpu.nodes.begin(), gpu.nodes.end());
        }
        if (free < choice.count)
            return "it has " + std::to_string(choice.count) + " of " + join(names, ", ") +
                   ", and there is none to spare";
    }
    taken_[service.name].merge(taken);
    return "";
}

}  // namespace crank::deploy
