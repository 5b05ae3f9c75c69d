#include "sys/host.h"

#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/file.h"

namespace crank::sys {

Result<HostInfo> host_info() {
    HostInfo info;
    info.effective_uid = ::geteuid();
    utsname name{};
    if (::uname(&name) != 0) return fail_errno("ask the kernel for its name");
    info.machine = name.machine;
    info.kernel = name.release;
    info.hostname = name.nodename;
    struct sysinfo memory{};
    if (::sysinfo(&memory) != 0) return fail_errno("ask the kernel for its memory");
    info.memory_total = static_cast<std::int64_t>(memory.totalram) * memory.mem_unit;
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0)
        return fail_errno("ask for the limit of open files");
    info.open_files_limit = files.rlim_max;
    long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
    info.cpus = cpus > 0 ? static_cast<int>(cpus) : 1;
    return info;
}

Result<std::int64_t> available_memory() {
    constexpr std::size_t kMost = std::size_t{64} * 1024;
    constexpr std::int64_t kKilo = 1024;
    const std::string text = TRY(read_file("/proc/meminfo", kMost));
    for (const std::string& line : split(text, '\n')) {
        if (!line.starts_with("MemAvailable:")) continue;
        auto number =
            parse_int(trim(line.substr(line.find(':') + 1, line.rfind(' ') - line.find(':') - 1)));
        if (number) return *number * kKilo;
    }
    return fail(Code::unsupported, "/proc/meminfo does not say what memory is available");
}

}  // namespace crank::sys
