// The schedule of a container's health check. Probing takes crank (namespaces, a user, a filter),
// so the monitor keeps the time alone: it executes the plan's command, waits for its end, and looks
// into the file `health`, which that command writes, for the one thing that it needs to know.
#pragma once

#include <stdint.h>

#include "shim/loop.h"
#include "shim/plan_view.h"

namespace crank::shim {

class HealthSchedule {
public:
    // Nothing happens where the plan has no health check. `started_ns`: CLOCK_REALTIME.
    void begin(const PlanView& plan, Loop& loop, uint64_t started_ns);
    // Starts, or kills, what is due. Milliseconds until there is something to do; -1: nothing.
    int act();
    // No probe is started any more; one that runs finds out by itself.
    void end();

private:
    static void on_probe_end(Watcher* self, uint32_t events);
    void start_probe();
    void reap();
    void schedule();
    uint32_t pause_ms() const;

    struct Probe : Watcher {
        HealthSchedule* schedule;
        int pid = -1;
    } probe_;
    const PlanView* plan_ = nullptr;
    Loop* loop_ = nullptr;
    uint64_t started_ns_ = 0;
    int64_t next_ms_ = 0;  // CLOCK_MONOTONIC: of the next probe, or of the end of the one that runs
    bool killed_ = false;
};

}  // namespace crank::shim
