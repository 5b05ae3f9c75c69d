#include "sys/confine.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>

namespace crank::sys {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

}  // namespace

Result<> confine_process(std::uint64_t memory) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("set no_new_privs");
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno("forbid dumps");
    if (kSanitized) return {};
    rlimit limit{};
    if (::getrlimit(RLIMIT_AS, &limit) != 0) return fail_errno("read the limit on memory");
    limit.rlim_cur = std::min<rlim_t>(memory, limit.rlim_max);
    if (::setrlimit(RLIMIT_AS, &limit) != 0) return fail_errno("limit the memory");
    return {};
}

Result<> end_with_parent() {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail_errno("set the death signal");
    for (int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) ::signal(number, SIG_IGN);
    return {};
}

WithoutMemoryLimit::WithoutMemoryLimit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    before_ = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_AS, &limit);
}

WithoutMemoryLimit::~WithoutMemoryLimit() {
    rlimit limit{};
    if (before_ == 0 || ::getrlimit(RLIMIT_AS, &limit) != 0) return;
    limit.rlim_cur = before_;
    (void)::setrlimit(RLIMIT_AS, &limit);
}

}  // namespace crank::sys
