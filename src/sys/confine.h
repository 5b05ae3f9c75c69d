// What a process gives up before it reads what strangers send.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace crank::sys {

// The kernel kills this process when the one that started it ends. Signals of the terminal are that
// one's to answer.
Result<> end_with_parent();

// For good: no program that it starts gains rights (no_new_privs), and no other process of the user
// reads its memory (not dumpable, so no core file either).
Result<> confine_process();

// A sanitizer is built in: it maps terabytes, and looks at its own process in ways that no policy
// for a program foresees.
bool is_sanitized();

// It may map at most `memory` bytes. Inherited by what it starts.
Result<> limit_memory(std::uint64_t memory);

// It keeps no capability, also as root: files of others are then closed to it.
Result<> drop_capabilities();

// The kernel asks this program of `count` struct sock_filter about each system call from now on, of
// this thread and those it starts. Needs no_new_privs.
Result<> install_filter(const void* instructions, std::uint16_t count);

}  // namespace crank::sys
