// The execution of COPY, ADD and WORKDIR: into the merged root of a stage, by descriptors. The
// root's content is hostile (it came from images and RUN steps): links in the destination's path
// are resolved inside the root, and nothing is followed below it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "build/source_tree.h"
#include "dockerfile/lower.h"
#include "oci/users.h"
#include "sys/unique_fd.h"

namespace crank::build {

// The contents of /etc/passwd and /etc/group below `root`; what is absent or no file is empty.
Result<oci::UserFiles> read_user_files(int root);

struct CopyRequest {
    int root = -1;                     // of the merged file system, writable
    const SourceTree* tree = nullptr;  // null: the step has inline files alone
    std::span<const SelectedSource> selection;
    const dockerfile::TransferStep* step = nullptr;
    bool onto_host = false;  // rights that a program would run with stay behind
};

// Docker's rules: a directory's contents are copied, a file goes into a destination that ends with
// '/' or is a directory, and so do several sources in any case; missing directories are made,
// 0755, owned as --chown says. Errors:
// already_exists (a directory in the place of a file or the reverse), failed_precondition (a source
// changed since it was hashed), not_found (--chown names).
Result<> copy_into(const CopyRequest& request);

// Makes the directory with its missing parents, 0755, and says whether it was missing. An existing
// one stays as it is. Error: already_exists (something else is in its place).
struct MadeDirectory {
    sys::UniqueFd fd;
    bool created = false;
};
Result<MadeDirectory> make_directory(int root, const std::string& path, oci::Owner owner);

}  // namespace crank::build
