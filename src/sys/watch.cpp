#include "sys/watch.h"

#include <sys/inotify.h>
#include <unistd.h>

namespace crank::sys {

Result<DirWatch> DirWatch::open() {
    UniqueFd fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!fd) return fail_errno("inotify_init1");
    return DirWatch(std::move(fd));
}

Result<> DirWatch::add(const std::string& dir) {
    constexpr unsigned kEvents = IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR;
    if (inotify_add_watch(fd_.get(), dir.c_str(), kEvents) < 0) return fail_errno("watch " + dir);
    return {};
}

void DirWatch::drain() {
    char buffer[4096];
    while (read(fd_.get(), buffer, sizeof buffer) > 0) {}
}

}  // namespace crank::sys
