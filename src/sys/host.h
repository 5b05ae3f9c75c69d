// What the machine is.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/error.h"

namespace crank::sys {

struct HostInfo {
    uid_t effective_uid = 0;
    std::string machine;  // uname: "x86_64"
    std::string kernel;   // uname: "6.1.0-28-amd64"
    std::string hostname;
    int cpus = 1;                        // online
    std::int64_t memory_total = 0;       // bytes
    std::uint64_t open_files_limit = 0;  // the hard RLIMIT_NOFILE of this process
};
Result<HostInfo> host_info();
// Bytes that programs may have without swapping (MemAvailable of proc_meminfo(5), Linux 3.14).
Result<std::int64_t> available_memory();

}  // namespace crank::sys
