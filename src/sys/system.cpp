#include "sys/system.h"

#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <string_view>

#include "sys/file.h"

namespace crank::sys {
namespace {

std::int64_t clock_ns(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

uid_t effective_uid() { return geteuid(); }

gid_t effective_gid() { return getegid(); }

pid_t own_pid() { return getpid(); }

Result<std::vector<gid_t>> supplementary_groups() {
    int count = ::getgroups(0, nullptr);
    if (count < 0) return fail_errno("read the supplementary groups");
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    count = ::getgroups(count, groups.data());
    if (count < 0) return fail_errno("read the supplementary groups");
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

std::int64_t wall_clock_ns() { return clock_ns(CLOCK_REALTIME); }

std::int64_t monotonic_clock_ns() { return clock_ns(CLOCK_MONOTONIC); }

Result<> fill_random(std::span<std::uint8_t> bytes) {
    while (!bytes.empty()) {
        ssize_t n = getrandom(bytes.data(), bytes.size(), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno("random bytes from the kernel");
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

std::vector<std::string> environment() {
    std::vector<std::string> all;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
        all.emplace_back(*entry);
    return all;
}

Result<mode_t> current_umask() {
    std::string status = TRY(read_file("/proc/self/status"));
    constexpr std::string_view kField = "\nUmask:\t";
    std::size_t at = status.find(kField);
    if (at == std::string::npos)
        return fail(Code::unsupported, "/proc/self/status has no Umask (Linux 4.7)");
    return static_cast<mode_t>(std::strtoul(status.c_str() + at + kField.size(), nullptr, 8));
}

KernelInfo kernel_info() {
    utsname names{};
    if (uname(&names) != 0) return {};
    return {names.release, names.machine, names.nodename};
}

int online_cpus() {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? static_cast<int>(count) : 1;
}

}  // namespace crank::sys
