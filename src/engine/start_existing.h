// The start of a container that exists, whatever its kind.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "engine/local/start.h"
#include "shim/ended.h"

namespace crank::engine {

// Nothing: it runs already, or is about to by its restart policy. `restart_count` and what the
// record says are filled in here. Errors: those of local::start_again; failed_precondition for a
// paused one.
Result<std::optional<local::Started>> start_existing(local::StartRequest request,
                                                     const std::string& id, Starter starter);

// Of a monitor, after the end of its container, which it says in this word: services of its
// networks lead to it no more.
inline constexpr std::string_view kEnded = shim::kEnded;
Result<> note_ended(const Paths& paths, const std::string& id);

}  // namespace crank::engine
