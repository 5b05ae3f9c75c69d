// An image to its registry: `crank push`, `crank build --push`.
#pragma once

#include <string>

#include "base/error.h"
#include "engine/config.h"
#include "engine/paths.h"
#include "oci/reference.h"
#include "store/store.h"
#include "transfer/push.h"

namespace crank::cli {

// A name that stands for a place of the user's own (docs/decisions/0007). Errors: usage,
// failed_precondition.
Result<> check_pushable(const engine::Config& config, const std::string& typed,
                        const oci::Reference& reference);

struct PushHow {
    transfer::PushOptions options;
    bool tls_verify = true, quiet = false;
};
// The image of that name. Errors: those of transfer::push.
Result<transfer::Pushed> push_image(const engine::Paths& paths, store::Store& store,
                                    const oci::Reference& reference, const PushHow& how);

}  // namespace crank::cli
