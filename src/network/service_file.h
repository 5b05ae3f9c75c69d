// What a service's file says (network/service.h). Lines, the first word of each: project, name,
// address, "backend ID ADDRESS", "relayed PORT LISTENER", and a line for each of its names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "network/service.h"

namespace crank::network {

std::string services_dir(const std::string& state_dir);
std::string serialize(const Service& service);
// Nothing: it is none of ours. Pure.
std::optional<Service> parse_service(const std::string& id, const std::string& text);

// Nothing: there is none. With all of its backends.
Result<std::optional<Service>> read_service(const std::string& state_dir, const std::string& id);
Result<std::vector<Service>> read_services(const std::string& state_dir);
// As list_services(), but for those that were given back half way: the address may be another's.
Result<std::vector<Service>> services_in_force(const std::string& state_dir);
// Without backends of which the address is another's by now, or nobody's.
void drop_ended(const std::string& state_dir, Service& service);

}  // namespace crank::network
