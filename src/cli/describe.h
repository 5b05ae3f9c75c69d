// Containers and images as `inspect` prints them: Docker's field names, so that scripts go on.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/paths.h"
#include "engine/state.h"
#include "store/store.h"

namespace crank::cli {

nlohmann::ordered_json describe_container(const engine::Paths& paths,
                                          const engine::Container& container);
// "Memory", "Cpu" and "Pids": what it has used of what it may use, each with a "Text".
nlohmann::ordered_json describe_figures(const engine::Container& container);
nlohmann::ordered_json describe_image(const store::Image& image);

}  // namespace crank::cli
