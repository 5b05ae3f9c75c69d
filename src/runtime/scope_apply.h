// Transient scopes, performed.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/undo.h"
#include "base/unit_property.h"
#include "sys/child.h"

namespace crank::runtime {

// Starts the scope with a process that does nothing in it: systemd makes none without, and removes
// it with the last. It is killed once the container's own process is there. `undo` stops the unit.
Result<sys::Child> start_scope(const std::string& unit, std::vector<UnitProperty> properties,
                               Undo& undo);
// The unit of the engine's containers, where it is not there yet.
Result<> start_containers_unit();
// No error where it is gone already.
Result<> stop_scope(const std::string& unit);
// Limits that changed, so that systemd does not put the old ones back.
Result<> update_scope(const std::string& unit, const std::vector<UnitProperty>& properties);

}  // namespace crank::runtime
