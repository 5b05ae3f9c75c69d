// --network pasta: a container of an ordinary user's with a way out of its own, and none to others.
#pragma once

#include "base/error.h"
#include "base/undo.h"
#include "engine/local/network_plan.h"
#include "engine/local/start.h"
#include "engine/record.h"

namespace crank::engine::local {

// What a start adds to plan_network() once the container's state directory and its namespace are
// there: the addresses, and where published ports lead to. Nothing with another network.
Result<> lead_out_alone(const StartRequest& request, Record& record, NetworkPlan& plan, Undo& undo);
// The link with which its pasta lasts.
std::string way_of(const Paths& paths, const std::string& id);

}  // namespace crank::engine::local
