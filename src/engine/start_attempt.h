// The start of a container that exists: one at a time, and whatever becomes of it, even a kill, the
// container runs afterwards or is as it was.
//
// While it lasts the container's directory is locked, and the file `starting` lies in it. Who finds
// that file and no lock has found a start that was killed, and sweeps what it left (sweep_start).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/state.h"
#include "sys/unique_fd.h"

namespace crank::engine {

enum class Starter : std::uint8_t {
    command,  // of a person's
    monitor,  // this process has been the container's monitor, whose policy says to start it
};

class StartAttempt {
public:
    // Waits for another start and for the monitor of the last one. Nothing: it runs. From here on
    // the state directory is empty and what it said of the end is kept beside the record. Errors:
    // not_found; deadline_exceeded.
    static Result<std::optional<StartAttempt>> begin(const Paths& paths, const std::string& id,
                                                     Starter starter);
    StartAttempt(StartAttempt&&) noexcept = default;
    StartAttempt& operator=(StartAttempt&&) = delete;
    // Not done: the record and the state are as they were.
    ~StartAttempt();

    const Container& container() const { return container_; }
    // The new record, with the ports and the address of this start.
    Result<> write(const Record& record);
    // It runs.
    void done();
    // It does not; `inspect` says why.
    void failed(const Error& error);

private:
    StartAttempt(Paths paths, sys::UniqueFd lock)
        : paths_(std::move(paths)), lock_(std::move(lock)) {}

    Paths paths_;
    sys::UniqueFd lock_;
    Container container_;
    bool written_ = false;
};

// Removes what a start that was killed has left: groups, an address, files. A start that goes on is
// left alone.
void sweep_start(const Paths& paths, const std::string& id);
// Whether there is something for it to do. Costs one look for a file.
bool has_killed_start(const Paths& paths, const Container& container);

}  // namespace crank::engine
