// Which backend is next. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace crank::gateway {

// A backend as one choice sees it.
struct Candidate {
    std::int64_t weight = 1;
    std::int64_t* credit = nullptr;  // what earlier choices owe it; kept between choices
    std::size_t active = 0;          // requests and connections through it
    bool passed_over = false;        // it has just refused a connection
    bool tried = false;              // by this request
};

// Shares by weight, spread evenly (each gains its weight, the richest pays for all); of equals the
// one with the fewest active. Those passed over come last, those tried and those of weight 0 never.
// Nothing: none is left.
std::optional<std::size_t> choose(std::span<Candidate> candidates);

}  // namespace crank::gateway
