// Landlock (Linux 5.13): which files the container's processes may change, which ports they may
// bind. Below the mounts' and permissions' own rules, and for good.
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/kernel.h"
#include "shim/ops.h"

namespace crank::shim {
namespace {

// linux/landlock.h, with what later kernels added; the same numbers on every architecture.
constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr unsigned kAskVersion = 1;
constexpr int kPathBeneath = 1, kNetPort = 2;
constexpr uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2, kReadDir = 1 << 3,
                   kMakeChar = 1 << 6, kMakeBlock = 1 << 11, kRefer = 1 << 13, kTruncate = 1 << 14,
                   kIoctlDevice = 1 << 15, kFirst = (1 << 13) - 1;
constexpr uint64_t kBindTcp = 1;

struct Ruleset {
    uint64_t files = 0, network = 0;
};
struct PathBeneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));
struct NetPort {
    uint64_t allowed, port;
};

// What this version of the interface can forbid.
uint64_t files_of(long version) {
    uint64_t all = kFirst;
    if (version >= 2) all |= kRefer;
    if (version >= 3) all |= kTruncate;
    if (version >= 5) all |= kIoctlDevice;
    return all;
}

int allow_below(int ruleset, const char* path, uint64_t allowed) {
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return errno;
    struct stat info;
    int error = fstat(fd, &info) != 0 ? errno : 0;
    if (error == 0 && !S_ISDIR(info.st_mode))
        allowed &= kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDevice;
    PathBeneath rule{allowed, fd};
    if (error == 0 && syscall(kAddRule, ruleset, kPathBeneath, &rule, 0) != 0) error = errno;
    close(fd);
    return error;
}

int allow_files(const PlanView& plan, const Op& op, int ruleset, uint64_t all) {
    if (int error = allow_below(ruleset, "/", kExecute | kReadFile | kReadDir); error != 0)
        return error;
    // Its nodes are written to; none is made or removed.
    uint64_t devices = (kReadFile | kReadDir | kWriteFile | kTruncate | kIoctlDevice) & all;
    if (int error = allow_below(ruleset, "/dev", devices); error != 0 && error != ENOENT)
        return error;
    const char* path = plan.text(op.s2);
    for (uint64_t i = 0; i < op.b; ++i, path += strlen(path) + 1)
        if (int error = allow_below(ruleset, path, all & ~(kMakeChar | kMakeBlock)); error != 0)
            return error;
    return 0;
}

int allow_ports(const PlanView& plan, const Op& op, int ruleset) {
    for (uint64_t i = 0; i < op.a; ++i) {
        uint32_t port;
        memcpy(&port, plan.text(op.s1) + i * sizeof port, sizeof port);
        NetPort rule{kBindTcp, port};
        if (syscall(kAddRule, ruleset, kNetPort, &rule, 0) != 0) return errno;
    }
    return 0;
}

}  // namespace

int enter_landlock(const PlanView& plan, const Op& op) {
    long version = syscall(kCreateRuleset, nullptr, 0, kAskVersion);
    if (version < 0) return errno;
    constexpr long kNetworkVersion = 4;  // Linux 6.7
    bool ports = version >= kNetworkVersion;
    Ruleset all{files_of(version), ports ? kBindTcp : 0};
    size_t size = ports ? sizeof all : offsetof(Ruleset, network);
    int ruleset = static_cast<int>(syscall(kCreateRuleset, &all, size, 0));
    if (ruleset < 0) return errno;
    int error = allow_files(plan, op, ruleset, all.files);
    if (error == 0 && ports) error = allow_ports(plan, op, ruleset);
    if (error == 0 && syscall(kRestrictSelf, ruleset, 0) != 0) error = errno;
    close(ruleset);
    return error;
}

}  // namespace crank::shim
