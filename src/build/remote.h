// The sources of ADD that lie in the network. Pure.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "dockerfile/lower.h"
#include "oci/digest.h"

namespace crank::build {

struct Remote {
    enum class Kind : std::uint8_t { file, repository } kind = Kind::file;
    std::string url;                      // as written; of a repository without its fragment
    std::string name;                     // file: at the target
    std::optional<oci::Digest> checksum;  // file
    // repository: "URL#REF:SUBDIRECTORY"
    std::string reference, subdirectory, commit;  // `commit`: of --checksum
    bool keep_git_dir = false;
};

// nothing: a source of the context. Repositories are URLs that end in ".git", and what git alone
// understands (git://, ssh://, git@host:path). Errors: invalid_argument.
Result<std::optional<Remote>> remote_of(const std::string& source,
                                        const dockerfile::TransferStep& step);

}  // namespace crank::build
