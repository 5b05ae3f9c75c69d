// Starts that failed: nothing of such a container stays but this, so that `crank why NAME` can tell
// later what `crank run --name NAME` said. Of names that somebody gave, the last 32.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "engine/paths.h"

namespace crank::engine {

struct FailedStart {
    std::string name, image;
    std::string command;  // as it would be shown; empty: the image's
    std::string text, hint;
    int exit_code = 0;  // of `crank run`
    std::int64_t at_ns = 0;
    bool operator==(const FailedStart&) const = default;
};

std::string serialize(const FailedStart& failed);
// Errors: corrupt.
Result<FailedStart> parse_failed_start(std::string_view json);

// That it cannot be written changes nothing of the failure.
void note_failed_start(const Paths& paths, const FailedStart& failed);
std::optional<FailedStart> read_failed_start(const Paths& paths, const std::string& name);
// A later start of that name succeeded.
void forget_failed_start(const Paths& paths, const std::string& name);

}  // namespace crank::engine
