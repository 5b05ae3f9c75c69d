// The HOME of a process whose environment has none: what /etc/passwd of the container says of its
// user, or "/".
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/kernel.h"
#include "shim/ops.h"

namespace crank::shim {
namespace {

constexpr size_t kMostLine = 4096;
constexpr size_t kMostBytes = size_t{4} << 20;  // of a file that anybody may have written

char home[kMostLine + 8];

// Field `wanted` (from 0) of a line of passwd(5); its length, or -1.
long field(const char* line, int wanted, const char*& begin) {
    for (int i = 0; i < wanted; ++i) {
        line = strchr(line, ':');
        if (line == nullptr) return -1;
        ++line;
    }
    begin = line;
    return strchrnul(line, ':') - line;
}

bool is_number(const char* text, long length, uint64_t number) {
    uint64_t value = 0;
    for (long i = 0; i < length; ++i) {
        if (text[i] < '0' || text[i] > '9' || value > UINT32_MAX) return false;
        value = value * 10 + static_cast<uint64_t>(text[i] - '0');
    }
    return length > 0 && value == number;
}

// Whether the line is the user's; its home is taken then.
bool take(const char* line, uint64_t uid) {
    const char *number = nullptr, *path = nullptr;
    long digits = field(line, 2, number);
    if (digits < 0 || !is_number(number, digits, uid)) return false;
    long length = field(line, 5, path);
    if (length <= 0) return false;
    memcpy(home, "HOME=", 5);
    memcpy(home + 5, path, static_cast<size_t>(length));
    home[5 + length] = 0;
    return true;
}

void search(int fd, uint64_t uid) {
    char line[kMostLine];
    size_t used = 0, total = 0;
    bool too_long = false;
    char piece[4096];
    ssize_t n;
    while (total < kMostBytes && (n = read(fd, piece, sizeof piece)) > 0) {
        total += static_cast<size_t>(n);
        for (ssize_t i = 0; i < n; ++i) {
            if (piece[i] != '\n') {
                too_long = too_long || used == sizeof line - 1;
                if (!too_long) line[used++] = piece[i];
                continue;
            }
            line[used] = 0;
            if (!too_long && take(line, uid)) return;
            used = 0;
            too_long = false;
        }
    }
    line[used] = 0;
    if (!too_long && used > 0) take(line, uid);
}

}  // namespace

char* found_home() { return home; }

int find_home(const Op& op) {
    strcpy(home, "HOME=/");
    OpenHow how{};
    // Not a pipe that nobody writes to, and no way through /proc to what this process holds.
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    how.resolve = kResolveNoMagiclinks;
    int fd = openat2(AT_FDCWD, "/etc/passwd", how);
    if (fd < 0) return 0;
    struct stat info{};
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) search(fd, op.a);
    close(fd);
    return 0;
}

}  // namespace crank::shim
