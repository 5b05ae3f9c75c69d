// What a pull, a push or an import shows while it runs, on stderr: bars with rates on a terminal,
// plain lines elsewhere.
#pragma once

#include <cstdint>

#include "base/progress.h"

namespace crank::cli {

enum class Direction : std::uint8_t { pull, push, import };

// Quiet: notes alone. Valid until the sink's last copy goes.
ProgressSink make_transfer_progress(Direction direction, bool quiet);

}  // namespace crank::cli
