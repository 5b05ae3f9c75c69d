// Hearing of changes in directories (inotify(7)).
#pragma once

#include <string>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// Becomes readable when a file in a watched directory is written, created or moved. It says that
// something happened, not what: look again.
class DirWatch {
public:
    static Result<DirWatch> open();
    Result<> add(const std::string& dir);
    int fd() const { return fd_.get(); }
    // Forgets what was heard so far.
    void drain();

private:
    explicit DirWatch(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

}  // namespace crank::sys
