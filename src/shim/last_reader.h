// The init as the last reader of its worker's output: while neither monitor nor guard lives, the
// worker must neither die of its next line nor wait for somebody to take it.
#pragma once

#include <signal.h>

#include "shim/child.h"
#include "shim/wire.h"

namespace crank::shim {

// The pipes themselves are the bounded store: what is newest stays in them for the monitor that
// adopts the container, and the rest is thrown away and counted.
class LastReader {
public:
    // The kernel sends it when the last one who held the life line is gone.
    static constexpr int kSignal = SIGIO;

    // In the init, which needs nothing above 2 but this: the rest is closed.
    void hold(const ChildIo& io, Shared* shared);
    // After that signal, and after each pause.
    void look();
    // Milliseconds; -1: until the signal.
    int pause_ms() const { return alone_ ? pause_ms_ : -1; }

private:
    bool take_surplus(int fd, int keep, int most);
    bool take_of_pipe(int fd);

    Shared* shared_ = nullptr;
    int out_ = -1, err_ = -1, terminal_ = -1, life_ = -1;
    int pause_ms_ = 0;
    bool alone_ = false;
};

}  // namespace crank::shim
