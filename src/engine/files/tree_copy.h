// One file or directory with what is in it, from an entry to a name: both sides may be changing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "sys/owned_file.h"

namespace crank::engine::files {

struct TreeCopyRequest {
    // Of a copy, from the source's; nothing: whoever copies. May be empty: always that.
    std::function<Result<std::optional<sys::Owner>>(std::uint32_t uid, std::uint32_t gid)> owner;
    // Set-user-ID and set-group-ID bits are copied too. Without them a program that root of a
    // container made is no program of this machine's root.
    bool keep_set_id = false;
    // A directory may take the place of what is none, and the reverse.
    bool overwrite = false;
    // Told of what is not copied: devices and sockets. May be empty.
    std::function<void(const std::string& path)> left_out;
};

// Docker's rules: directories are merged, everything else is replaced, and a directory never takes
// the place of what is none nor the reverse (already_exists), unless `overwrite`. Devices, FIFOs
// and sockets are never replaced (already_exists), but a FIFO by a FIFO. Nothing is followed on
// either side, and only regular files are opened. Returns the bytes of the files.
Result<std::int64_t> copy_entry(const TreeCopyRequest& request, int entry, int directory,
                                const std::string& name, const std::string& shown);
// What is in the directory `entry` into the open directory.
Result<std::int64_t> copy_contents(const TreeCopyRequest& request, int entry, int directory,
                                   const std::string& shown);

}  // namespace crank::engine::files
