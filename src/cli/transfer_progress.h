// What a pull or a push shows while it runs, on stderr: bars with rates on a terminal, plain lines
// elsewhere.
#pragma once

#include "transfer/pull.h"

namespace crank::cli {

enum class Direction : std::uint8_t { pull, push };

// Quiet: notes alone. Valid until the sink's last copy goes.
transfer::ProgressSink make_transfer_progress(Direction direction, bool quiet);

}  // namespace crank::cli
