// Where native workers listen: each of them on ports of its own, so that an old and a new one can
// be at once. Internal.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "compose/service.h"
#include "engine/paths.h"

namespace crank::deploy {

// By target. Ports that nobody listens on, no other native worker has been given and no connection
// leaves from (they lie below the kernel's usual range for that). `who` is whose they are: two
// commands at once look in different places. Errors: exhausted.
Result<std::map<std::uint16_t, std::uint16_t>> choose_ports(const engine::Paths& paths,
                                                            const compose::Service& service,
                                                            const std::string& who);

// "PORT=20311", and "PORT_8000=20311" for each target; the first target has the bare name.
std::vector<std::string> port_variables(const compose::Service& service,
                                        const std::map<std::uint16_t, std::uint16_t>& ports);

}  // namespace crank::deploy
