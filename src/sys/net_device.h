// Handing a network device over to another network namespace (config-linux.md of runtime-spec 1.3,
// "Network Devices").
#pragma once

#include <string>

#include "base/error.h"

namespace crank::sys {

// Whether the kernel takes it as a device's name (dev_valid_name): up to 15 bytes, no '/', ':' or
// white space, not "." or "..".
bool is_device_name(const std::string& name);

// Moves the device `name` of the caller's namespace, as `inside` (a "%d" at its end becomes the
// first number that is free there), and switches it on. Its permanent global addresses, IPv4 and
// IPv6, go along; MTU and hardware address are the device's own. Errors: not_found: no such device;
// already_exists: the name is taken there; the kernel's own where the device cannot be moved.
Result<> move_net_device(int namespace_fd, const std::string& name, const std::string& inside);

}  // namespace crank::sys
