#include "sys/capabilities.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace crank::sys {

Result<std::uint64_t> permitted_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct rights[2]{};
    if (::syscall(SYS_capget, &header, rights) != 0) return fail_errno("read the capabilities");
    return std::uint64_t{rights[1].permitted} << 32 | rights[0].permitted;
}

}  // namespace crank::sys
