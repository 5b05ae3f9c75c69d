// A container that stays on its networks, and is not found there by what it has in common with
// others.
#pragma once

#include "base/error.h"
#include "engine/paths.h"
#include "engine/record.h"

namespace crank::engine::networks {

// From now on it is found by its own name alone: its aliases and its hostname say nothing of it.
void hush(const Paths& paths, const Record& record);
// By all of them again.
Result<> speak(const Paths& paths, const Record& record);

}  // namespace crank::engine::networks
