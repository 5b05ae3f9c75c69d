// Secrets of a container: files that lie in memory alone, and that it alone sees.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "engine/paths.h"
#include "engine/record.h"
#include "oci/runtime_spec.h"
#include "sys/unique_fd.h"

namespace crank::engine::local {

// What its source holds now. Errors: not_found, invalid_argument (no regular file), exhausted
// (1 MiB).
Result<Secret> read_secret(const SecretFile& secret);

// Stands for the `index`th of them in a configuration. Below the container's directory of files,
// where there is no such file.
std::string secret_place(const std::string& files_dir, std::size_t index);

// Who owns those that say nothing of it.
std::vector<SecretFile> owned_by(const oci::User& worker, std::vector<SecretFile> secrets);

// Detached mounts of them by their places, with what their sources hold now: a start that is killed
// leaves nothing. Errors: not_found; invalid_argument (a directory, an owner that the container's
// user namespace does not have); exhausted (1 MiB).
Result<std::map<std::string, sys::UniqueFd>> mount_secrets(const Paths& paths,
                                                           const Record& record);

}  // namespace crank::engine::local
