// Where the paths of `cp` lead to, by Docker's rules: a source and a destination in a root each.
#pragma once

#include <string>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::engine::files {

struct Source {
    sys::UniqueFd entry;  // O_PATH
    std::string name;     // its own; empty: the root, or what ".." leads to
    bool directory = false;
    bool contents = false;  // "/." at the end: what is in it, not it
};
// `follow`: a link at the end stands for what it leads to. `shown` is for errors. Errors:
// not_found, failed_precondition ("/" behind what is no directory).
Result<Source> find_source(int root, const std::string& path, bool follow,
                           const std::string& shown);

struct Destination {
    sys::UniqueFd directory;
    std::string name;  // in it; empty: into it
};
// Errors: not_found (the directory that it would be in), already_exists (a directory over a file),
// failed_precondition (also where a device, a FIFO or a socket is there, or a link to one).
Result<Destination> find_destination(int root, const std::string& path, const Source& source,
                                     const std::string& shown);

// failed_precondition, in Docker's words.
Error not_replaceable(const std::string& shown);

// For an archive: must be a directory. Errors: not_found, failed_precondition.
Result<> check_directory(int root, const std::string& path, const std::string& shown);

}  // namespace crank::engine::files
