// errno values by meaning, for rooms that see no system header.
#pragma once

namespace crank::sys {

bool is_missing(int error_number);       // ENOENT
bool is_unknown_call(int error_number);  // ENOSYS
bool is_link_loop(int error_number);     // ELOOP

}  // namespace crank::sys
