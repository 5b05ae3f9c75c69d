// --env-file: variables in a file, a line each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::engine {

// NAME=value, the value as it stands to the end of the line (no quotes, no expansion), or NAME with
// the value in `environment` ("NAME=value" each), or NAME* with all that begin so; where that has
// none, the line says nothing, as with Docker. Lines that are empty or begin with # are passed
// over. Errors: invalid_argument with the line's number.
Result<std::vector<std::string>> parse_env_file(std::string_view text,
                                                const std::vector<std::string>& environment);
// not_found and others name the file.
Result<std::vector<std::string>> read_env_file(const std::string& path,
                                               const std::vector<std::string>& environment);

// --label-file: KEY=value or KEY, a line each; otherwise as above.
Result<std::vector<std::string>> read_label_file(const std::string& path);

}  // namespace crank::engine
