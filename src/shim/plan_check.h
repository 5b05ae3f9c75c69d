// Whether a plan can be performed without leaving its memory. Pure: no system call.
#pragma once

#include <stddef.h>

namespace crank::shim {

// `memory` is 8-aligned. The plan comes from crank itself: this catches an old shim beside a new
// crank, and a crank that counts wrong, before anything is done. True: every op, text, list and
// array that the header and the ops name lies in [memory, memory + size), and every text ends
// there.
bool plan_is_sound(const void* memory, size_t size);

}  // namespace crank::shim
