// What the steps of a build read: directories, layers, and both as mounts.
#include <algorithm>

#include "base/text.h"
#include "build/builder.h"
#include "build/canonical.h"
#include "sys/file.h"

namespace crank::build {

namespace df = dockerfile;

namespace {

// As a pattern that means the path itself.
std::string escape_glob(const std::string& path) {
    std::string pattern;
    for (char c : path) {
        if (std::string_view("*?[\\").find(c) != std::string_view::npos) pattern += '\\';
        pattern += c;
    }
    return pattern;
}

bool is_numeric(const std::string& owner) {
    return owner.find_first_not_of("0123456789:") == std::string::npos;
}

}  // namespace

Result<const SourceTree*> Builder::tree_of(const df::Origin& origin) {
    if (const auto* named = std::get_if<df::ContextRef>(&origin)) {
        auto known = contexts_.find(named->name);
        if (known == contexts_.end()) {
            const std::string& directory = request_.contexts.at(named->name).directory;
            SourceTree tree =
                TRY(SourceTree::open_context(directory, {}, "the build context " + named->name));
            known = contexts_.emplace(named->name, std::move(tree)).first;
        }
        return &known->second;
    }
    if (!prepared_->context)
        return fail(Error(Code::failed_precondition, "this build has no context to copy from")
                        .with_hint("give a directory: crank build -f - DIRECTORY"));
    return &*prepared_->context;
}

Result<> Builder::read_sources(StepWork& work, KeyInputs& inputs) {
    const df::TransferStep& step = *work.transfer();
    if (!work.from_directory()) {
        auto layers = TRY(layers_of(step.origin));
        if (layers) work.source_layers = *layers;
        inputs.other_parent = work.source_layers;
        return {};
    }
    Canonical remotes("crank-remotes-v1");
    for (const Remote& remote : std::get<CopyOp>(work.op).remotes) {
        work.remotes.push_back(std::make_unique<FetchedRemote>(
            TRY(FetchedRemote::identify(remote, request_, store_))));
        remotes.add("remote", work.remotes.back()->identity().str());
    }
    if (!work.remotes.empty()) inputs.mounts.push_back(remotes.digest());
    if (step.sources.empty()) return {};
    work.tree = TRY(tree_of(step.origin));
    auto warn_of = [&](std::string text) {
        warn({prepared_->spec.file, work.step.span, std::move(text)});
    };
    work.selection = TRY(work.tree->select(step.sources, step.excludes, warn_of, step.parents));
    inputs.content = digest_of(work.selection);
    return {};
}

Result<> Builder::read_mounts(StepWork& work, const RunOp& op, KeyInputs& inputs) {
    for (std::size_t i = 0; i < op.mounts.size(); ++i) {
        const df::Mount& mount = op.mounts[i];
        MountSource source;
        source.path = mount.source;
        bool reads = mount.type == df::Mount::Type::bind ||
                     (mount.type == df::Mount::Type::cache && !mount.from.empty());
        if (reads && df::is_directory(op.mount_origins[i])) {
            source.tree = TRY(tree_of(op.mount_origins[i]));
            std::vector<std::string> pattern{escape_glob(mount.source)};
            source.selection = TRY(source.tree->select(pattern, {}, {}));
            const SelectedSource& selected = source.selection.front();
            source.path = selected.directory ? "/" : "/" + selected.name;
        } else if (reads) {
            auto layers = TRY(layers_of(op.mount_origins[i]));
            if (layers) source.layers = *layers;
        }
        inputs.mounts.push_back(reads ? content_of(source) : oci::Digest());
        work.mounts.push_back(std::move(source));
    }
    return {};
}

// COPY --link stands on nothing, unless --chown names somebody whom only the image knows.
Result<> Builder::detach(StepWork& work, const StageResult& result) {
    auto* copy = std::get_if<CopyOp>(&work.op);
    if (copy == nullptr || !copy->step.link || (copy->step.add && mode_ == Mode::explain))
        return {};
    if (!is_numeric(copy->step.chown)) {
        if (!result.layers) return {};
        copy->step.chown = TRY(executor_.owner_of(*result.layers, copy->step.chown));
    }
    work.alone = true;
    return {};
}

Result<std::optional<std::vector<oci::Digest>>> Builder::layer_of(
    const SourceTree& tree, const std::vector<SelectedSource>& selection) {
    CopyOp op;
    op.step.dest = "/";
    KeyInputs inputs{.platform = "linux/" + request_.host.architecture,
                     .epoch = prepared_->epoch,
                     .content = digest_of(selection)};
    oci::Digest key = *cache_key(op, inputs);
    auto known = TRY(store_.cache_find(key));
    std::optional<oci::Digest> layer;
    if (known && (!known->layer || TRY(store_.find_layer(*known->layer)))) {
        layer = known->layer;
    } else if (mode_ == Mode::explain) {
        return std::nullopt;
    } else {
        ExecuteInputs execute{.epoch = prepared_->epoch, .context = &tree, .selection = selection};
        layer = TRY(executor_.run(op, execute, {})).layer;
        TRY(store_.cache_put(key, {.layer = layer, .metadata = ""}));
    }
    std::vector<oci::Digest> layers;
    if (layer) layers.push_back(*layer);
    return layers;
}

Result<StageResult> Builder::begin_from_directory(const std::string& name) {
    const SourceTree* tree = TRY(tree_of(df::ContextRef{name}));
    StageResult result;
    result.config.image.platform = {request_.host.architecture, "linux", ""};
    result.config.image.config.working_dir = "/";
    std::vector<std::string> everything{"."};
    result.layers = TRY(layer_of(*tree, TRY(tree->select(everything, {}, {}))));
    if (result.layers && !result.layers->empty())
        result.config.image.history.push_back({.created = time_text(prepared_->epoch),
                                               .created_by = "FROM " + name,
                                               .comment = "",
                                               .empty_layer = false});
    result.state = df::StageState::of_scratch();
    explanation_.steps.push_back({.action = ExplainedStep::Action::base,
                                  .detail = "directory " + request_.contexts.at(name).directory});
    return result;
}

}  // namespace crank::build
