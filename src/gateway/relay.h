// Bytes from one connection to another, both ways, with their ends.
#pragma once

#include <cstdint>

#include "gateway/loop.h"

namespace crank::gateway {

struct Way {
    bool ended = false;  // the sender sends no more
    bool told = false;   // and the receiver knows
};
enum class Passed : std::uint8_t { nothing, some, reset };
// At most a buffer's worth; a full buffer stops the sender.
Passed pass(Socket& from, Buffer& through, Socket& to, Way& way);

}  // namespace crank::gateway
