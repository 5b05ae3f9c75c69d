#include "build/add_archives.h"

#include <algorithm>

#include "store/extract.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::build {

namespace {

Result<bool> is_archive(const SourceTree* tree, const SelectedSource& source) {
    if (source.directory) return false;
    const SourceTree& own = source.tree != nullptr ? *source.tree : *tree;
    sys::UniqueFd fd = TRY(sys::open_file_in_root(own.root(), source.location));
    return store::is_tar_archive(fd.get(), source.name);
}

// A copy of the file that its digest was checked on: what is extracted is what was hashed.
Result<sys::UniqueFd> take_copy(const CopyRequest& request, const SelectedSource& source,
                                const std::string& directory) {
    dockerfile::TransferStep step;
    step.dest = "/archive";
    sys::UniqueFd root = TRY(sys::open_dir(directory));
    TRY(copy_into({.root = root.get(),
                   .tree = request.tree,
                   .selection = std::span(&source, 1),
                   .step = &step}));
    return sys::open_file(directory + "/archive");
}

Result<> extract(const CopyRequest& request, const SelectedSource& source,
                 const std::string& directory, const SourceTree::Warn& warn) {
    TRY(sys::make_dirs(directory + "/tree", 0755));
    sys::UniqueFd copy = TRY(take_copy(request, source, directory));
    TRY(store::extract_tar(copy.get(), source.name, directory + "/tree"));
    SourceTree tree(TRY(sys::open_dir(directory + "/tree")), {}, SourceTree::Metadata::kept,
                    source.name);
    std::vector<std::string> everything{"."};
    std::vector<SelectedSource> selection = TRY(tree.select(everything, {}, warn));
    // The modes are the archive's, and the directory it was extracted into is none of its own.
    selection.front().entries.front().mode = 0755;
    selection.front().entries.front().owner = {};
    dockerfile::TransferStep step = *request.step;
    step.chmod.reset();
    step.files.clear();
    return copy_into({.root = request.root, .tree = &tree, .selection = selection, .step = &step});
}

}  // namespace

Result<> add_archives(const CopyRequest& request, std::vector<SelectedSource>& selection,
                      const std::string& scratch, const SourceTree::Warn& warn) {
    std::vector<SelectedSource> others;
    int number = 0;
    for (SelectedSource& source : selection) {
        // What comes from the network stays as it is, unless --unpack asks for more.
        bool wanted = source.tree == nullptr || request.step->unpack.value_or(false);
        if (!wanted || !TRY(is_archive(request.tree, source))) {
            others.push_back(std::move(source));
            continue;
        }
        std::string directory = scratch + "/archive" + std::to_string(number++);
        TRY_IN(extract(request, source, directory, warn), source.name);
        TRY(sys::remove_tree(directory));
    }
    selection = std::move(others);
    return {};
}

}  // namespace crank::build
