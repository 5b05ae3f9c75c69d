// Single entries of directories that another could have written: nothing here follows a link.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// The entry itself, whatever it is, by an O_PATH descriptor: opening it has no effect on it.
// `name` has no '/'. Nothing: there is none of that name.
Result<std::optional<UniqueFd>> open_entry(int dirfd, const std::string& name);
// Of a regular file opened by open_entry.
Result<UniqueFd> reopen_for_reading(int entry, const std::string& name);
// Where a symbolic link opened by open_entry points to.
Result<std::string> link_target(int entry, const std::string& name);
struct FileId {
    std::uint64_t device = 0, inode = 0;
};
// The entry with what is in it, which others may be changing. Nothing is removed where something is
// mounted on it or below (in_use), by bind mounts too, or where `kept` is in it (invalid_argument).
Result<> remove_entry(int dirfd, const std::string& name,
                      const std::optional<FileId>& kept = std::nullopt);
// An extended attribute of what open_entry opened, at most 256 bytes; nothing: it has none.
Result<std::optional<std::string>> extended_attribute(int entry, const std::string& attribute);

}  // namespace crank::sys
