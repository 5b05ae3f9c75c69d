#include "build/context_copy.h"

#include "build/copy.h"
#include "sys/file.h"

namespace crank::build {
namespace {

const std::vector<std::string> kEverything = {"."};

}  // namespace

Result<ContextCopy> ContextCopy::read(const std::string& directory, const std::string& dockerfile,
                                      const SourceTree::Warn& warn) {
    std::string file = dockerfile.empty() ? "" : directory + "/" + dockerfile;
    SourceTree tree =
        TRY(SourceTree::open_context(directory, {.dockerfile = std::move(file), .named = ""}));
    std::vector<SelectedSource> selection = TRY(tree.select(kEverything, {}, warn));
    return ContextCopy(std::move(tree), std::move(selection));
}

oci::Digest ContextCopy::digest() const { return digest_of(selection_); }

Result<> ContextCopy::copy_to(const std::string& directory) const {
    dockerfile::TransferStep step;
    step.sources = kEverything;
    step.dest = "/";
    sys::UniqueFd root = TRY(sys::open_dir(directory));
    return copy_into({.root = root.get(), .tree = &tree_, .selection = selection_, .step = &step});
}

}  // namespace crank::build
