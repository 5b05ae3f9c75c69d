// What a process gives up before it reads what strangers send.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace crank::sys {

// The kernel kills this process when the one that started it ends. Signals of the terminal are that
// one's to answer.
Result<> end_with_parent();

// For good: no program that it starts gains rights (no_new_privs), and no other process of the user
// reads its memory (not dumpable, so no core file either). It may map at most `memory` bytes, which
// the sanitizers' builds do not limit: they map terabytes.
Result<> confine_process(std::uint64_t memory);

// Lifts the limit on memory while it lives, for a program of the user's that is started: it would
// inherit it.
class WithoutMemoryLimit {
public:
    WithoutMemoryLimit();
    WithoutMemoryLimit(const WithoutMemoryLimit&) = delete;
    WithoutMemoryLimit& operator=(const WithoutMemoryLimit&) = delete;
    ~WithoutMemoryLimit();

private:
    std::uint64_t before_ = 0;  // 0: nothing to restore
};

}  // namespace crank::sys
