// What the monitor writes for later commands: the files `state` and `exit` in the state directory.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "shim/plan_view.h"

namespace crank::shim {

struct Exit {
    uint32_t code = 0;    // what `crank run` exits with: the status, or 128 + signal
    uint32_t signal = 0;  // 0: it ended by itself
    bool oom_killed = false;
    uint64_t finished_ns = 0;  // CLOCK_REALTIME
};

// `state`: "PID START_TIME MONITOR_PID MONITOR_START_TIME STARTED_NS\n" (field 22 of
// /proc/PID/stat).
void record_state(const PlanView& plan, int pid, uint64_t started_ns);
// `exit`: "CODE SIGNAL OOM FINISHED_NS\n". Written aside and renamed: it is whole or absent.
void record_exit(const PlanView& plan, const Exit& exit);
// A line of `events` (engine/events.h), where the engine has one: beside the directory `containers`
// that the state directory lies in. `attributes`: JSON, "{}" for none.
void record_event(const PlanView& plan, const char* action, const char* attributes);
uint64_t realtime_ns();
unsigned long long start_time_of(int pid);  // field 22 of /proc/PID/stat; 0: it is gone
// A file of the state directory, written aside and renamed: it is whole or absent.
void write_record(const PlanView& plan, const char* name, const char* text);
// The file's first bytes, ended by a NUL.
bool read_text(const char* path, char* out, size_t capacity);

}  // namespace crank::shim
