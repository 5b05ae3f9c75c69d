// The root file system of a container, running or ended, by a descriptor.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/state.h"
#include "sys/unique_fd.h"
#include "sys/user_namespace.h"

namespace crank::engine::files {

struct ContainerRoot {
    // O_PATH or readable: for what resolves in a root (sys/file.h). Of one that runs it is what its
    // processes see, with its volumes; of one that does not, its layers with its volumes mounted
    // in a namespace of nobody's.
    sys::UniqueFd fd;
    sys::IdMaps ids;  // of its processes, as this one sees them
    // Keeps two commands from mounting one upper directory at a time.
    sys::UniqueFd lock = {};

    // From an id inside to the one that the kernel is told here, and back. An id that the container
    // has no place for is invalid_argument; one that it does not know is 65534 (nobody) inside.
    Result<std::uint32_t> uid_outside(std::int64_t inside) const;
    Result<std::uint32_t> gid_outside(std::int64_t inside) const;
    std::int64_t uid_inside(std::uint32_t outside) const;
    std::int64_t gid_inside(std::uint32_t outside) const;
};

// Errors: unsupported (a native worker), failed_precondition (it is being started), in_use (another
// command copies).
Result<ContainerRoot> open_root(const Paths& paths, const Container& container);

// The file system alone, read-only where that is a choice: nothing that is mounted in it. What
// `crank export` writes.
Result<ContainerRoot> open_own_files(const Paths& paths, const Container& container);

// What lies below the container's own changes: its image, read-only.
Result<sys::UniqueFd> open_image_files(const Paths& paths, const Container& container);

// It runs, or is stopped in the middle of it.
bool has_processes(const Container& container);

}  // namespace crank::engine::files
