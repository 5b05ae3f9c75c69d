// What has changed between two resolved services, in words.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace crank::deploy {

inline constexpr std::size_t kMostDifferences = 8;

// "image: busybox:1 -> busybox:2", "ports[0].published: added: 8080", "command[1]: changed". Values
// are told of image, ports, volumes, networks and limits alone: others may be secrets. Both are
// JSON, as compose::identity() gives it. Over `most` the last line says how many more there are.
std::vector<std::string> differences(std::string_view before, std::string_view after,
                                     std::size_t most = kMostDifferences);

}  // namespace crank::deploy
