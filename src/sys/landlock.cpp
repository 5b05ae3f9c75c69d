#include "sys/landlock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/errors.h"
#include "sys/file.h"
#include "sys/unique_fd.h"

namespace crank::sys {

namespace {

// linux/landlock.h, with what later kernels added; the same numbers on every architecture.
constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr unsigned kVersion = 1;  // LANDLOCK_CREATE_RULESET_VERSION
constexpr int kPathBeneath = 1;   // LANDLOCK_RULE_PATH_BENEATH
constexpr std::uint64_t kReadFile = 1U << 2, kReadDirectory = 1U << 3;
constexpr std::uint64_t kBindTcp = 1;
constexpr std::uint64_t kAbstractSockets = 1, kSignals = 2;

struct Ruleset {
    std::uint64_t files = 0, network = 0, scoped = 0;
};
struct PathBeneath {
    std::uint64_t allowed;
    std::int32_t parent;
} __attribute__((packed));

// Everything that this version of the interface can forbid.
Ruleset everything_of(int version, std::size_t& size) {
    Ruleset all;
    all.files = (1U << 13) - 1;
    size = sizeof all.files;
    if (version >= 2) all.files |= 1U << 13;  // REFER
    if (version >= 3) all.files |= 1U << 14;  // TRUNCATE
    if (version >= 5) all.files |= 1U << 15;  // IOCTL_DEV
    if (version >= 4) {
        all.network = kBindTcp;
        size = offsetof(Ruleset, scoped);
    }
    if (version >= 6) {
        all.scoped = kAbstractSockets | kSignals;
        size = sizeof all;
    }
    return all;
}

Result<> allow_reading(int ruleset, const std::string& path) {
    UniqueFd file(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!file) {
        if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return {};
        return fail_errno("open " + path);
    }
    struct stat info{};
    if (::fstat(file.get(), &info) != 0) return fail_errno("look at " + path);
    bool directory = S_ISDIR(info.st_mode);
    PathBeneath rule{kReadFile | (directory ? kReadDirectory : 0), file.get()};
    if (::syscall(kAddRule, ruleset, kPathBeneath, &rule, 0) != 0)
        return fail_errno("allow reading " + path);
    return {};
}

}  // namespace

int landlock_version() {
    long version = ::syscall(kCreateRuleset, nullptr, 0, kVersion);
    return version > 0 ? static_cast<int>(version) : 0;
}

Result<Landlock> restrict_files(std::span<const std::string> readable) {
    long version = ::syscall(kCreateRuleset, nullptr, 0, kVersion);
    if (version < 0) {
        if (errno == ENOSYS || errno == EOPNOTSUPP) return Landlock::absent;
        return fail_errno("ask for Landlock's version");
    }
    std::size_t size = 0;
    Ruleset all = everything_of(static_cast<int>(version), size);
    UniqueFd ruleset(static_cast<int>(::syscall(kCreateRuleset, &all, size, 0)));
    if (!ruleset) return fail_errno("make a Landlock ruleset");
    for (const std::string& path : readable) TRY(allow_reading(ruleset.get(), path));
    if (::syscall(kRestrictSelf, ruleset.get(), 0) != 0) return fail_errno("enter Landlock");
    return Landlock::in_force;
}

}  // namespace crank::sys
