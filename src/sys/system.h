// Facts about the machine and the calling process; clocks; random bytes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace crank::sys {

uid_t effective_uid();
gid_t effective_gid();
pid_t own_pid();
Result<std::vector<gid_t>> supplementary_groups();  // of the calling process
std::int64_t wall_clock_ns();                       // CLOCK_REALTIME, since 1970
std::int64_t monotonic_clock_ns();                  // CLOCK_MONOTONIC

// From the kernel's generator (getrandom(2)); waits for it to be seeded.
Result<> fill_random(std::span<std::uint8_t> bytes);

// "NAME=value" each, as the process was given them.
std::vector<std::string> environment();

// The file mode creation mask; reading it changes nothing (umask(2) would). Linux 4.7.
Result<mode_t> current_umask();

struct KernelInfo {
    std::string release;  // "6.1.0-18-amd64"
    std::string machine;  // "x86_64"
    std::string host_name;
};
KernelInfo kernel_info();
int online_cpus();

}  // namespace crank::sys
