// What the kernel's log says about a container's end: whom it killed for want of memory, which
// system call a filter ended a process for. The log belongs to the host and may say nothing (its
// lines are limited in number, and not everybody may read them).
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace crank::shim {

struct Victim {
    int pid = 0;             // the host's number
    bool own_limit = false;  // of the group's own limit; otherwise of the machine or a group above
    char name[32] = {};      // of the program, at most 15 bytes, as the kernel escapes them
};

// A line "oom-kill:constraint=..." about a process of `group` or of one below.
bool parse_oom_kill(const char* line, const char* group, Victim& out);

struct Denied {
    long call = -1;
    uint32_t architecture = 0;  // AUDIT_ARCH_*
};
// An audit line of type 1326 (AUDIT_SECCOMP) with signal 31 (SIGSYS) about `pid`.
bool parse_denied(const char* line, int pid, Denied& out);

inline constexpr size_t kMaxVictims = 4;
struct LogFindings {
    Victim victims[kMaxVictims];
    size_t victim_count = 0;
    Denied denied;
};
// Reads all of /dev/kmsg, some megabytes at most: for ends that ask for it. `group` may be null,
// `pid` 0.
void search_kernel_log(const char* group, int pid, LogFindings& out);

}  // namespace crank::shim
