#include "sys/unique_fd.h"

#include <unistd.h>

namespace crank::sys {

void UniqueFd::reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace crank::sys
