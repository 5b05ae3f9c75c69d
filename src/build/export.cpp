// --output: the files of a stage, without an image.
#include "build/builder.h"
#include "build/copy.h"
#include "build/execute.h"
#include "build/workspace.h"
#include "store/layer_tar.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::build {

Result<> Executor::export_files(std::span<const oci::Digest> layers,
                                const BuildRequest::Export& to) {
    Workspace workspace = TRY(Workspace::create(store_, {}));
    SourceTree tree(
        layers.empty() ? TRY(workspace.open_below()) : TRY(workspace.open_layers(store_, layers)),
        {}, SourceTree::Metadata::kept, "the image");
    dockerfile::TransferStep step;
    step.dest = "/";
    std::vector<SelectedSource> selection;
    if (!layers.empty()) {
        std::vector<std::string> everything{"."};
        selection = TRY(tree.select(everything, {}, {}));
    }
    if (to.kind == BuildRequest::Export::Kind::directory) {
        TRY(sys::make_dirs(to.directory));
        step.chown =
            std::to_string(sys::effective_uid()) + ":" + std::to_string(sys::effective_gid());
        sys::UniqueFd root = TRY(sys::open_dir(to.directory + "/."));
        return copy_into({.root = root.get(),
                          .tree = &tree,
                          .selection = selection,
                          .step = &step,
                          .onto_host = true});
    }
    {
        sys::UniqueFd root = TRY(workspace.open_merged());
        TRY(copy_into({.root = root.get(), .tree = &tree, .selection = selection, .step = &step}));
    }
    auto write = [&](std::span<const std::uint8_t> bytes) {
        return sys::write_all(to.fd, {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                              "the tar");
    };
    TRY(store::write_layer_tar(workspace.upper(), write));
    return {};
}

Result<> Builder::export_files(const StageResult& target) {
    TRY(executor_.export_files(*target.layers, *request_.files_to));
    return {};
}

}  // namespace crank::build
