// The directories that native releases are: ROOT/projects/NAME/native/SERVICE.
//
//   DIGITS         the first of an id's: what the worker runs in, once
//   DIGITS.ready   it is whole; in it the id
//   present        the id of what `crank up` starts: the one that was made last
//
// An id is the digest of what went in: "sha256:...". So long as it is needed a directory stays, and
// with it what its setup made.
#pragma once

#include <set>
#include <string>

#include "base/error.h"
#include "engine/paths.h"

namespace crank::deploy {

class NativeReleases {
public:
    // Errors: invalid_argument (a service whose name is no directory's).
    static Result<NativeReleases> of(const engine::Paths& paths, const std::string& project,
                                     const std::string& service);

    std::string present() const;  // empty: none was made, or it is gone
    bool has(const std::string& id) const;
    std::string directory_of(const std::string& id) const;

    // Where it is to be made: empty. What a command that was killed left there goes.
    Result<std::string> begin(const std::string& id) const;
    // It is whole, and what `crank up` starts. Also of one that was whole before.
    Result<void> finish(const std::string& id) const;
    void discard(const std::string& id) const;  // best effort

    // The others go, but for the present one. Best effort.
    void keep_only(const std::set<std::string>& ids) const;

private:
    explicit NativeReleases(std::string dir) : dir_(std::move(dir)) {}

    std::string dir_;
};

// What is not of these ids, in all services of the project. Best effort.
void keep_only_native(const engine::Paths& paths, const std::string& project,
                      const std::set<std::string>& ids);

}  // namespace crank::deploy
