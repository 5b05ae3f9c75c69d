// A build context as a directory: what `COPY . .` would bring into an image, for what runs without
// one.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "build/source_tree.h"
#include "oci/digest.h"

namespace crank::build {

class ContextCopy {
public:
    // Reads and hashes it. `dockerfile`, relative, may have an ignore file of its own; empty: none.
    // Errors: SourceTree::open_context's and select()'s.
    static Result<ContextCopy> read(const std::string& directory, const std::string& dockerfile,
                                    const SourceTree::Warn& warn);

    // Of names, kinds, modes and contents.
    oci::Digest digest() const;
    // Into an empty directory. Errors: failed_precondition (a file has changed since it was read).
    Result<> copy_to(const std::string& directory) const;

private:
    ContextCopy(SourceTree tree, std::vector<SelectedSource> selection)
        : tree_(std::move(tree)), selection_(std::move(selection)) {}

    SourceTree tree_;
    std::vector<SelectedSource> selection_;
};

}  // namespace crank::build
