// What was replaced and could not stay frozen (warm.h): its files stay in the page cache for
// `x-crank.rollout.keep_warm`, and a way back reads none of them from the disk. Noted in
// STATE/gateways/PROJECT/cached, which ends with the machine, as its memory does. Internal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "deploy/apply.h"

namespace crank::deploy {

// Where the files of an image or of a native release lie: what is kept, until when
// (CLOCK_REALTIME).
struct Cached {
    std::string name;  // of its note
    std::int64_t until_ns = 0;
    std::vector<std::string> directories;  // absolute
};

// The container's, if its successor has others: what both have is in use. Nothing where memory is
// short. Best effort.
void keep_cached(const World& world, const engine::Record& old, const engine::Record& next,
                 std::int64_t seconds);
std::vector<Cached> list_cached(const engine::Paths& paths, const std::string& project);
void forget_cached(const engine::Paths& paths, const std::string& project, const Cached& cached);

}  // namespace crank::deploy
