// Containers of a project that were replaced and stay, frozen, to take their place again at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/record.h"
#include "engine/state.h"

namespace crank::engine {

// It counts no more among the project's, is found on its networks by its own name alone, and
// stands still. Errors: those of pause(); it counts no more then either.
Result<> set_aside(const Paths& paths, const std::string& id, std::int64_t until_ns);
// It goes on, under this name, and is found by all of its names. Errors: failed_precondition (it
// has ended), those of rename().
Result<> take_back(const Paths& paths, const std::string& id, const std::string& name);
// Whether one that runs has a GPU in use without its record's saying so, as a native worker may,
// which sees the machine's. Where nobody can tell, too.
bool holds_gpu(const Container& container);
// Until when it is kept (CLOCK_REALTIME). Nothing: it was not set aside.
std::optional<std::int64_t> warm_until(const Record& record);

}  // namespace crank::engine
