// What follows a container's end where it has a restart policy: a pause, and then the monitor
// becomes the command that starts the container again, with the pause's length as its last word.
// That takes crank: cgroups, a network, mounts. Until then the file `restarting` in the state
// directory says what is to come, and by whom.
#pragma once

#include <stdint.h>

#include "shim/plan_view.h"
#include "shim/records.h"

namespace crank::shim {

// Milliseconds until the next start; -1: there is none. `ran_ns`: how long the container ran.
int restart_delay(const Header& header, uint32_t exit_code, uint64_t ran_ns);

// `restarting`: "PID START_TIME COUNT AT_NS\n": this process, how many restarts there will have
// been, CLOCK_REALTIME.
void record_restarting(const PlanView& plan, int delay_ms);
void remove_restarting(const PlanView& plan);

// Asked before its names and its address are given back.
bool services_lead_to(const PlanView& plan);
// The same command, with kEnded as its last word and in a process of its own: services lead to this
// container no more.
void tell_of_end(const PlanView& plan);

// Returns where a command has ordered that it stays ended, or crank cannot be executed. Every
// descriptor is closed by then.
void wait_and_restart(const PlanView& plan, int delay_ms);

}  // namespace crank::shim
