// What began and waits for what it needs. Internal.
#pragma once

#include "base/error.h"

namespace crank::deploy {

// Looked at again and again, so that several wait side by side. All looks come from one thread.
class Pending {
public:
    Pending() = default;
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;
    virtual ~Pending() = default;

    // True: it is done. An error: it is not, and has been undone where that can be.
    virtual Result<bool> look() = 0;
    // Somebody else's error ends it: that one, with what failed while this was undone.
    virtual Error give_up(Error error) { return error; }
};

}  // namespace crank::deploy
