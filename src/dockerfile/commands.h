// Command lines of RUN and HEALTHCHECK as the engine takes them.
#pragma once

#include <optional>
#include <string>

#include "dockerfile/lower.h"

namespace crank::dockerfile {

// Works the here-documents of a RUN in shell form into `text`, the shell's text. One that is the
// whole command becomes the text, or a program of its own when it begins with "#!"; others are put
// back behind the line, for the shell to read. Error: invalid_argument.
Result<std::optional<ScriptFile>> place_heredocs(const Run& run, std::string& text);

HealthcheckStep healthcheck_step(const Healthcheck& check);

}  // namespace crank::dockerfile
