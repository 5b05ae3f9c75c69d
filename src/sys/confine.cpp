#include "sys/confine.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace crank::sys {

bool is_sanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
    return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
    return false;
#endif
}

Result<> confine_process() {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("set no_new_privs");
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno("forbid dumps");
    return {};
}

Result<> limit_memory(std::uint64_t memory) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_AS, &limit) != 0) return fail_errno("read the limit on memory");
    limit.rlim_cur = std::min<rlim_t>(memory, limit.rlim_max);
    if (::setrlimit(RLIMIT_AS, &limit) != 0) return fail_errno("limit the memory");
    return {};
}

Result<> drop_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[2]{};
    if (::syscall(SYS_capset, &header, none) != 0) return fail_errno("drop the capabilities");
    return {};
}

Result<> install_filter(const void* instructions, std::uint16_t count) {
    sock_fprog program{count,
                       const_cast<sock_filter*>(static_cast<const sock_filter*>(instructions))};
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        return fail_errno("put the filter of system calls in force");
    return {};
}

Result<> end_with_parent() {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail_errno("set the death signal");
    for (int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) ::signal(number, SIG_IGN);
    return {};
}

}  // namespace crank::sys
