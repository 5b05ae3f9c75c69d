// Executes one operation of the plan: parent layers in, a layer out.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "build/build.h"
#include "build/container.h"
#include "build/graph.h"
#include "build/source_tree.h"
#include "build/step_mounts.h"
#include "store/store.h"

namespace crank::build {

// The last lines of what a program printed, both streams as they came. Bounded.
class OutputTail {
public:
    static constexpr std::size_t kMaxLines = 50;
    static constexpr std::size_t kMaxLine = 4096;  // bytes; the rest of a longer line is cut

    void add(std::string_view text);
    std::vector<std::string> lines() const;

private:
    std::deque<std::string> lines_;
    std::string open_;  // a line that has no end yet
};

struct ExecuteInputs {
    std::span<const oci::Digest> parent;  // diff ids, lowest first
    std::int64_t epoch = 0;
    // CopyOp: where the sources come from.
    const SourceTree* context = nullptr;
    std::span<const SelectedSource> selection;   // of the context
    std::span<const oci::Digest> source_layers;  // --from: diff ids of the source
    std::span<const MountSource> mounts;         // RunOp: one per mount
};

struct Executed {
    std::optional<oci::Digest> layer;  // absent: no file changed
    std::vector<std::string> warnings;
};

// What an execution that ran and failed tells, beside its error.
struct RunFailure {
    int exit_code = 0;
    std::vector<std::string> last_lines;
};

class Executor {
public:
    Executor(const BuildRequest& request, store::Store& store) : request_(request), store_(store) {}

    // Errors: step_failed for a RUN that ended with another status than 0; then failure() has the
    // rest.
    Result<Executed> run(const Op& op, const ExecuteInputs& inputs, const OutputSink& output);
    // The files of an image for somebody outside: owned by the caller in a directory, as they are
    // in a tar, which is the same for the same files.
    Result<> export_files(std::span<const oci::Digest> layers, const BuildRequest::Export& to);
    // Who --chown means in an image, as "uid:gid".
    Result<std::string> owner_of(std::span<const oci::Digest> layers, const std::string& chown);
    const RunFailure& failure() const { return failure_; }

private:
    Result<> apply(const RunOp& op, Workspace& workspace, const ExecuteInputs& inputs,
                   const OutputSink& output);
    Result<> apply(const CopyOp& op, const Workspace& workspace, const ExecuteInputs& inputs,
                   Executed& executed);
    Result<> apply(const DirectoryOp& op, const Workspace& workspace);
    Result<ContainerRequest> container_of(const RunOp& op, const Workspace& workspace);
    Result<Executed> finish(Workspace workspace, const Op& op, const ExecuteInputs& inputs,
                            Executed executed);
    ContainerHost host() const;

    const BuildRequest& request_;
    store::Store& store_;
    RunFailure failure_;
};

}  // namespace crank::build
