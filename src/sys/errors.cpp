#include "sys/errors.h"

#include <cerrno>

namespace crank::sys {

bool is_missing(int error_number) { return error_number == ENOENT; }
bool is_unknown_call(int error_number) { return error_number == ENOSYS; }
bool is_link_loop(int error_number) { return error_number == ELOOP; }

}  // namespace crank::sys
