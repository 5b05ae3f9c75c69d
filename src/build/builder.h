// The walk over the stages of a build, for both build() and explain(): they differ in what happens
// at a step whose result is not in the cache.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/build.h"
#include "build/execute.h"
#include "build/graph.h"
#include "build/image_config.h"
#include "build/prepare.h"
#include "build/remotes.h"

namespace crank::build {

// What a stage has come to.
struct StageResult {
    ConfigState config;
    dockerfile::StageState state;
    // Diff ids, lowest first; absent in explain() once a step would have to run.
    std::optional<std::vector<oci::Digest>> layers;
};

// One step on its way.
struct StepWork {
    const dockerfile::StageSpec& stage;
    const dockerfile::Step& step;
    const dockerfile::LoweredStage& lowered;
    Op op;
    StepInfo info;
    std::optional<oci::Digest> key;
    const SourceTree* tree = nullptr;  // COPY from a directory
    std::vector<SelectedSource> selection;
    std::vector<oci::Digest> source_layers;               // COPY --from
    std::vector<MountSource> mounts;                      // RUN --mount
    std::vector<std::unique_ptr<FetchedRemote>> remotes;  // ADD
    // COPY --link: what lies below it has no part in it. The owner that --chown names was looked up
    // there.
    bool alone = false;
    bool cached = false;
    std::optional<oci::Digest> layer;

    bool changes_files() const { return !std::holds_alternative<ConfigOp>(op); }
    const dockerfile::TransferStep* transfer() const {
        const auto* copy = std::get_if<CopyOp>(&op);
        return copy == nullptr ? nullptr : &copy->step;
    }
    bool from_directory() const {
        return transfer() != nullptr && dockerfile::is_directory(transfer()->origin);
    }
};

class Builder {
public:
    enum class Mode : std::uint8_t { build, explain };
    Builder(const BuildRequest& request, store::Store& store, Mode mode)
        : request_(request), store_(store), mode_(mode), executor_(request, store) {}

    Result<> run();

    BuildOutcome take_outcome() { return std::move(outcome_); }
    Explanation take_explanation() { return std::move(explanation_); }

private:
    Result<StageResult> build_stage(const dockerfile::StageSpec& stage);
    Result<StageResult> begin_stage(const dockerfile::StageSpec& stage);
    Result<StageResult> begin_from_image(const dockerfile::StageSpec& stage,
                                         const std::string& name);
    Result<> do_step(StepWork& work, StageResult& result);
    Result<oci::Digest> find_key(StepWork& work, const StageResult& result);
    Result<> read_sources(StepWork& work, KeyInputs& inputs);
    Result<> read_mounts(StepWork& work, const RunOp& op, KeyInputs& inputs);
    Result<> detach(StepWork& work, const StageResult& result);
    Result<StageResult> begin_from_directory(const std::string& name);
    Result<const SourceTree*> tree_of(const dockerfile::Origin& origin);
    // A selection of a directory's files as a layer, for a mount or a stage; nothing: explain()
    // would have to make it.
    Result<std::optional<std::vector<oci::Digest>>> layer_of(
        const SourceTree& tree, const std::vector<SelectedSource>& selection);
    bool does_again(const StepWork& work) const;
    Result<bool> find_cached(StepWork& work);
    Result<> execute(StepWork& work, StageResult& result);
    void explain_step(const StepWork& work, const StageResult& result);
    Result<std::optional<std::vector<oci::Digest>>> layers_of(const dockerfile::Origin& origin);
    std::string document_of(StageResult& target) const;
    Result<> finish(StageResult& target);
    Result<> export_files(const StageResult& target);

    StepInfo info_of(const dockerfile::StageSpec& stage, const std::string& text,
                     const SourceSpan& span, int number, int total);
    void warn(dockerfile::Warning warning);
    void note(std::string text);
    void report(const Progress& event) const;
    Error failed_step(Error error, const dockerfile::Step& step) const;
    bool cancelled() const;

    const BuildRequest& request_;
    store::Store& store_;
    Mode mode_;
    Executor executor_;
    std::optional<Prepared> prepared_;
    std::vector<std::optional<StageResult>> stages_;
    std::map<std::string, SourceTree> contexts_;  // of --build-context, that were read
    std::vector<store::Pin> pins_;
    std::vector<std::string> declared_args_;
    BuildOutcome outcome_;
    Explanation explanation_;
    std::size_t next_id_ = 0;
};

}  // namespace crank::build
