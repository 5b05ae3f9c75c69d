#include "sys/confine.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace crank::sys {

Result<> confine_process(std::uint64_t memory) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("set no_new_privs");
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno("forbid dumps");
    rlimit limit{memory, memory};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) return fail_errno("limit the memory");
    return {};
}

}  // namespace crank::sys
