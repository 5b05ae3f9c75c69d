// What the shell offers behind a command line, from the table of verbs. Pure.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crank::cli {

struct Candidate {
    std::string text, help;
};
struct Offered {
    std::vector<Candidate> candidates;  // that begin with what was typed
    bool files = false;                 // and files
};
// Names that exist now; asked only where they are wanted.
struct LiveNames {
    std::function<std::vector<std::string>()> containers, images, networks = {};
};
// `words`: what stands behind "crank", the last of them unfinished, perhaps empty.
Offered complete(std::span<const std::string_view> words, const LiveNames& names);

}  // namespace crank::cli
