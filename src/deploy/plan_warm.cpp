#include "deploy/plan_warm.h"

#include <algorithm>

namespace crank::deploy {

std::string warm_for(const DesiredService& service, std::int64_t number, const Observed& observed) {
    // A native worker without a directory of its release has no such id.
    bool unknown = service.image_id.empty() && (!service.native || service.builds);
    if (service.rebuilt || unknown) return "";
    auto found = std::ranges::find_if(observed.warm, [&](const ObservedWarm& warm) {
        return warm.service == service.name && warm.number == number && warm.hash == service.hash &&
               warm.image_id == service.image_id && warm.native == service.native && warm.stands;
    });
    return found == observed.warm.end() ? "" : found->id;
}

Step removal_of(const ObservedWarm& warm, std::string reason) {
    return {.action = Action::cool,
            .object = warm.name,
            .service = warm.service,
            .container = warm.id,
            .number = warm.number,
            .reasons = {std::move(reason)}};
}

std::vector<Step> made_room(const DesiredService& service, std::int64_t number,
                            const std::string& kept, const Observed& observed) {
    std::vector<Step> steps;
    for (const ObservedWarm& warm : observed.warm)
        if (warm.service == service.name && warm.number == number && warm.id != kept)
            steps.push_back(removal_of(warm, "it was kept, and another is"));
    return steps;
}

std::vector<Step> cooled(const Desired& desired, const Observed& observed) {
    std::vector<Step> steps;
    for (const ObservedWarm& warm : observed.warm) {
        if (desired.others.contains(warm.service)) continue;
        auto service = std::ranges::find(desired.services, warm.service, &DesiredService::name);
        bool known = service != desired.services.end();
        bool wanted = known && service->keep_warm > 0 && warm.number <= service->replicas;
        if (wanted && warm.stands) continue;
        steps.push_back(removal_of(warm, "it was kept, and nobody goes back to it"));
    }
    return steps;
}

}  // namespace crank::deploy
