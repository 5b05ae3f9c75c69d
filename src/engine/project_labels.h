// Labels that say which project a container belongs to: of the container, and of no image.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace crank::engine {

inline constexpr std::string_view kProjectLabels = "com.docker.compose.",
                                  kProjectLabel = "com.docker.compose.project",
                                  kServiceLabel = "com.docker.compose.service",
                                  // Of one that was replaced and is kept, frozen: until when, in
                                  // nanoseconds of CLOCK_REALTIME. crank's own.
    kWarmLabel = "com.docker.compose.crank-warm-until";

// An image that was made of a project's container, or built for it, would make whatever is started
// from it the project's, and `crank down` remove it.
inline void drop_project_labels(std::map<std::string, std::string>& labels) {
    std::erase_if(labels,
                  [](const auto& label) { return label.first.starts_with(kProjectLabels); });
}

}  // namespace crank::engine
