// Signals to a container of another runtime go by that one's command `kill`: one at a time, beside
// everything else that the monitor does. A runtime that hangs keeps neither the container's ports
// nor its output waiting, and lives no longer than the container.
#pragma once

#include <stdint.h>

#include "shim/loop.h"
#include "shim/plan_view.h"

namespace crank::shim {

class OtherSignals {
public:
    // `container`: a descriptor of its first process.
    void begin(const PlanView& plan, Loop& loop, int container);
    // Those of one number that wait are one, as in the kernel. SIGKILL goes before the others.
    void send(int number);
    // To be called before each wait: milliseconds until it wants to be called again, or -1.
    int act();
    // The container has ended.
    void end();

private:
    struct Command : Watcher {
        OtherSignals* signals = nullptr;
        int pid = -1;
    };
    static void on_command_end(Watcher* self, uint32_t events);
    void start_next();
    void finish(int code);
    void stop_watching();

    const PlanView* plan_ = nullptr;
    Loop* loop_ = nullptr;
    int container_ = -1;
    Command command_;
    uint64_t waiting_ = 0;  // bit n - 1: signal n
    int number_ = 0;        // what the command sends
    int64_t until_ms_ = 0;
};

}  // namespace crank::shim
