#include "sys/file_ids.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace crank::sys {

Result<> make_files_as(uid_t uid, gid_t gid) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct rights[2]{};
    if (::syscall(SYS_capget, &header, rights) != 0) return fail_errno("read the capabilities");
    ::syscall(SYS_setfsgid, gid);
    ::syscall(SYS_setfsuid, uid);
    if (::syscall(SYS_capset, &header, rights) != 0) return fail_errno("keep the capabilities");
    return {};
}

}  // namespace crank::sys
