// What a command does to a project, as `crank audit` tells it.
#pragma once

#include <string>

#include "base/error.h"
#include "deploy/audit.h"
#include "engine/paths.h"

namespace crank::cli {

class Audited {
public:
    Audited(const engine::Paths& paths, std::string project, std::string what, std::string message);

    // Notes who it is and which release is there; otherwise begin() does, so that a command without
    // anything to do has no time for it.
    void look();
    // Before its first change.
    void begin();
    // How it ended. Nothing is told of what went well and changed nothing. That a line cannot be
    // written is a warning, and changes nothing of what was done.
    void end(const Result<>& done);
    // No release is there any more where it ends well.
    void takes_down() { gone_ = true; }

private:
    void add(sys::Sync sync);

    const engine::Paths& paths_;
    std::string project_;
    deploy::AuditEntry entry_;
    std::int64_t last_ = 0;  // release, before
    bool begun_ = false, warned_ = false, gone_ = false;
};

}  // namespace crank::cli
