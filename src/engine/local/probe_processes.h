// The processes that came of a probe.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace crank::engine::local {

// A variable that every process of a probe inherits: by it those are found that have left their
// parent and its session.
inline constexpr char kProbeVariable[] = "CRANK_PROBE";

// Kills `first` and, of `candidates()`, every process that descends from it, is in its session or
// has `mark` ("CRANK_PROBE=...") in its environment, until there is none; what is born meanwhile is
// found by the next look.
template <typename Candidates>
void kill_probe(pid_t first, const std::string& mark, Candidates candidates);

// Those among `pids`, `first` included.
std::vector<pid_t> processes_of_probe(const std::vector<pid_t>& pids, pid_t first,
                                      const std::string& mark);
// SIGKILL to each that is still one of them.
void kill_each(const std::vector<pid_t>& pids);

template <typename Candidates>
void kill_probe(pid_t first, const std::string& mark, Candidates candidates) {
    constexpr int kMostLooks = 20;  // one that forks faster than it is killed is limited elsewhere
    for (int i = 0; i < kMostLooks; ++i) {
        std::vector<pid_t> found = processes_of_probe(candidates(), first, mark);
        if (found.empty()) return;
        kill_each(found);
    }
}

}  // namespace crank::engine::local
