// Names of stages -> stages, shared by the two halves of lowering.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/lower.h"

namespace crank::dockerfile {

// The last stage before `end` that has this name; case does not matter.
std::optional<std::size_t> find_stage(const std::vector<StageSpec>& stages, std::string_view name,
                                      std::size_t end);

// What a name means for --build-context; nothing: no such context was given. "box",
// "docker.io/library/box" and "box:latest" are the same.
std::optional<Base> find_context(const std::map<std::string, std::string>& contexts,
                                 std::string_view name);

// What --from=`name` means in stage `self`: a context given by name, a stage by name or index, else
// an image; the build context where `name` is empty. Error: invalid_argument (the stage itself, a
// later one, no such index).
Result<Origin> find_origin(const BuildSpec& spec, const std::string& name, std::size_t self);

// "variable X is not set", with a guess where a known name is near.
std::string unset_warning(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace crank::dockerfile
