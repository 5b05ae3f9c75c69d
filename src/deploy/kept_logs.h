// What containers of a project wrote that are there no more: ROOT/projects/PROJECT/logs/ID, with
//
//   container       JSON: what it was
//   log, log.1, ... as they were (engine/logs.h)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/state.h"

namespace crank::deploy {

struct KeptLog {
    std::string id, name, service;  // the name that it had in its place
    std::int64_t created_ns = 0;    // CLOCK_REALTIME
    std::string path;               // of the newest file
};

// Of a container that has ended and is about to be removed. Best effort: whatever it wrote is no
// reason to keep it.
void keep_log(const engine::Paths& paths, const engine::Container& container);

// The oldest container first; none is no error.
std::vector<KeptLog> kept_logs(const engine::Paths& paths, const std::string& project);

// Those of which no release knows the container go, and the oldest ones of more than
// kMostKeptBytes. Best effort.
inline constexpr std::uint64_t kMostKeptBytes = 500'000'000;
void tidy_logs(const engine::Paths& paths, const std::string& project);

// "shop-web-1", also of one that has made way under another name.
std::string place_name(const engine::Record& record);

}  // namespace crank::deploy
