#include "sys/errors.h"

#include <cerrno>

namespace crank::sys {

bool is_missing(int error_number) { return error_number == ENOENT; }

}  // namespace crank::sys
