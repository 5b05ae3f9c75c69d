// What a build shows while it runs, on stderr.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "build/build.h"

namespace crank::cli {

enum class ProgressMode { plain, terminal, quiet };
// "auto", "plain", "tty", "quiet". auto: a terminal that is no CI and no "dumb" one gets the
// redrawn form. Error: usage.
Result<ProgressMode> parse_progress(std::string_view text);

// Valid until the sink's last copy goes.
build::ProgressSink make_progress(ProgressMode mode);

}  // namespace crank::cli
