#include "gateway/routing.h"

namespace crank::gateway {

namespace {

std::optional<std::size_t> choose_of(std::span<Candidate> candidates, bool passed_over) {
    std::optional<std::size_t> best;
    std::int64_t total = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        Candidate& one = candidates[i];
        if (one.tried || one.weight <= 0 || one.passed_over != passed_over) continue;
        total += one.weight;
        *one.credit += one.weight;
        const bool better =
            !best || *one.credit > *candidates[*best].credit ||
            (*one.credit == *candidates[*best].credit && one.active < candidates[*best].active);
        if (better) best = i;
    }
    if (best) *candidates[*best].credit -= total;
    return best;
}

}  // namespace

std::optional<std::size_t> choose(std::span<Candidate> candidates) {
    auto best = choose_of(candidates, false);
    return best ? best : choose_of(candidates, true);
}

}  // namespace crank::gateway
