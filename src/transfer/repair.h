// Damaged layers, from where their images came from.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "store/store.h"
#include "transfer/pull.h"

namespace crank::transfer {

// Fetches the damaged layers of `report` that are not repaired, from the registries that know an
// image that has them (it was pulled from there or pushed there): the image's own manifest by its
// digest, so that no tag moves and nothing else than what is missing comes. What is repaired is
// marked so in `report`. Returns why the rest could not be had, a line for each place that was
// asked. Errors: cancelled, and what pull() says of the store itself.
Result<std::vector<std::string>> repair(store::Store& store, const Connection& connection,
                                        store::VerifyReport& report);

// Whether there is anything that repair() could ask for.
Result<bool> can_repair(store::Store& store, const store::VerifyReport& report);

}  // namespace crank::transfer
