// A container whose monitor and guard were killed at once, in the hands of one that a later command
// starts: everything that it needs lies in the plan, whose file is in the state directory.
#pragma once

#include "shim/guard.h"
#include "shim/log.h"
#include "shim/plan_view.h"

namespace crank::shim {

// The plan's file, locked as long as a monitor or its guard lives; -1: it is none of a state
// directory, or another has it.
int lock_plan(const PlanView& plan);
// Its mount namespace, which may go when nobody waits for it any more.
int hold_mount_namespace(int pid);
// At the end.
void remove_plan(const PlanView& plan);

// What the plan had for the program's environment, once that runs: the file may be read for as long
// as the container lives.
void forget_environment(const PlanView& plan);
// By which one who adopts finds the pipes again.
void note_streams(const PlanView& plan, const Kept& kept);
// A line about what nobody has read.
void tell_lost_output(const PlanView& plan, Log& log);
// Whether an exit is recorded already, and then its code.
bool is_recorded(const PlanView& plan, uint32_t& code);

// Takes what crank has found of the container (wire.h, kAdopted*). False: another watches it.
bool adopt(const PlanView& plan, Kept& kept);

}  // namespace crank::shim
