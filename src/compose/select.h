// A part of a project.
#pragma once

#include <string>
#include <vector>

#include "compose/load.h"

namespace crank::compose {

// These services, what they depend on, and the networks, volumes, secrets and configs of all of
// them; the others become `disabled`. Errors: not_found (a name that no service in force has).
Result<void> select_services(Project& project, const std::vector<std::string>& names);

}  // namespace crank::compose
