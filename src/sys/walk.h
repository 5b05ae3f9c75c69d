// Looking through a tree that another may have written, by descriptors below one root.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "sys/attributes.h"
#include "sys/unique_fd.h"

namespace crank::sys {

enum class FileKind : std::uint8_t { regular, directory, symlink, other };
FileKind kind_of(const Attributes& attributes);

struct DirEntry {
    std::string name;
    FileKind kind = FileKind::other;
};
// Sorted by bytes, without . and ..; most file systems say the kind without a look at each entry.
// `name` is for the error.
Result<std::vector<DirEntry>> read_dir(int dirfd, const std::string& name);

// Opens as O_PATH: names an object of any kind without reading it or waiting for it. Resolved
// inside the root (open_in_root, file.h); a final link is followed there, too.
Result<UniqueFd> find_in_root(int rootfd, const std::string& path);
// For writing, by the same rules: an existing file is emptied.
Result<UniqueFd> create_file_in_root(int rootfd, const std::string& path, mode_t mode);

// Where an open object lies, as the kernel prints it (readlink of /proc/self/fd/N). Absolute.
Result<std::string> path_of_fd(int fd);

// Removing what is absent is no error.
Result<> remove_xattr(int fd, const std::string& attribute);

}  // namespace crank::sys
