// Fourth layer: typed instructions -> what is to be built.
//
// lower() decides the graph: global ARGs, which stages are needed for the target, what each stands
// on. lower_stage() expands one stage's instructions; it needs the base image's configuration, so
// the builder calls it when it has resolved the base, in the order of BuildSpec::stages (a stage
// only ever refers to earlier ones). Both are pure.
//
//   auto file = TRY(parse(text, "Dockerfile"));
//   auto spec = TRY(lower(file, options));
//   for (const StageSpec& stage : spec.stages)
//       if (stage.needed) auto lowered = TRY(lower_stage(spec, stage.index, base_of(stage)));
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "dockerfile/environment.h"
#include "dockerfile/instructions.h"
#include "dockerfile/mode.h"
#include "dockerfile/source.h"

namespace crank::dockerfile {

// "linux/amd64", "linux/arm/v7"
struct Platform {
    std::string os = "linux";
    std::string architecture = "amd64";
    std::string variant;

    std::string text() const;
    bool operator==(const Platform&) const = default;
};

struct BuildOptions {
    std::map<std::string, std::string> build_args;  // --build-arg NAME=VALUE
    std::string target;                             // --target: a stage's name or index, or empty
    // --build-context: what FROM and --from mean by a name, before stages and images. The image
    // that it stands for; empty: a directory of the builder's.
    std::map<std::string, std::string> contexts;
    Platform build_platform;   // of this machine
    Platform target_platform;  // of the image; for now the same
};

// What a stage stands on, and what COPY --from and RUN --mount=from= read.
struct Scratch {
    bool operator==(const Scratch&) const = default;
};
struct StageRef {
    std::size_t index = 0;
    bool operator==(const StageRef&) const = default;
};
struct ImageRef {
    std::string image;
    bool operator==(const ImageRef&) const = default;
};
struct BuildContext {
    bool operator==(const BuildContext&) const = default;
};
struct ContextRef {    // a directory that --build-context names
    std::string name;  // as the builder knows it
    bool operator==(const ContextRef&) const = default;
};
using Base = std::variant<Scratch, StageRef, ImageRef, ContextRef>;
using Origin = std::variant<BuildContext, StageRef, ImageRef, ContextRef>;
// Whether it is a directory outside of all images, whose files are normalised.
inline bool is_directory(const Origin& origin) {
    return std::holds_alternative<BuildContext>(origin) ||
           std::holds_alternative<ContextRef>(origin);
}

struct StageSpec {
    std::size_t index = 0;
    std::string name;  // empty when it has none
    Base base;
    std::string platform;                   // --platform, expanded; empty when not given
    Instruction from;                       // holds From, expanded
    std::vector<Instruction> instructions;  // not expanded
    std::vector<std::size_t> needs;         // earlier stages that must be built first, sorted
    bool needed = false;                    // for the target

    // The name as shown: "builder", or "stage 1".
    std::string display_name() const;
};

struct BuildSpec {
    std::string file;
    char escape = '\\';
    std::vector<StageSpec> stages;  // all of the file, in its order
    std::size_t target = 0;         // index into stages
    Environment global_args;        // ARG before FROM and the platform's arguments, with values
    std::vector<std::string> declared_global_args;
    std::map<std::string, std::string> build_args;
    std::map<std::string, std::string> contexts;  // as in BuildOptions
    // HTTP_PROXY and its kin given with --build-arg, in both cases of letters: RUN steps get them
    // in their environment, though nothing declares them; they count neither for the cache key nor
    // for the image (Docker's predefined ARGs). NAME=VALUE, sorted.
    std::vector<std::string> proxy_environment;
    // SOURCE_DATE_EPOCH from --build-arg or a global ARG, in seconds.
    std::optional<std::int64_t> source_date_epoch;
    std::vector<Warning> warnings;
};

// Error: invalid_argument (expansion, a circular or forward reference), not_found (no such target).
Result<BuildSpec> lower(const Dockerfile& file, const BuildOptions& options);

// What a stage begins with and ends with, as far as instructions depend on it.
struct StageState {
    Environment env;   // ENV: goes into the image's configuration
    Environment args;  // ARG values in force (inherited by stages that stand on this one)
    std::vector<std::string> declared_args;  // names, in the order of declaration
    // ENV and ARG as expansion and RUN see them: the later of two definitions of a name counts.
    Environment visible;
    std::string workdir = "/";
    std::string user;
    std::vector<std::string> shell = {"/bin/sh", "-c"};
    std::vector<std::string> onbuild;  // triggers of the base image; of the stage itself at the end

    // For FROM scratch.
    static StageState of_scratch();
    // From an image's configuration. PATH is set to Docker's default where the image has none;
    // empty `workdir` means "/", empty `shell` the default shell.
    static StageState of_image(std::span<const std::string> env, std::string workdir,
                               std::string user, std::vector<std::string> shell,
                               std::vector<std::string> onbuild);
};

// A file that a RUN step finds read-only at `path`: `RUN <<EOF` whose text begins with "#!".
struct ScriptFile {
    std::string path;  // absolute, under /dev/pipes
    std::string content;
};

struct RunStep {
    std::vector<std::string> argv;  // the shell's words included; never empty
    CommandLine command;            // as written, for display
    std::optional<ScriptFile> script;
    std::vector<Mount> mounts;          // expanded
    std::vector<Origin> mount_origins;  // one per mount
    std::string network, security;
    std::vector<std::string> devices;
};
struct TransferStep {  // COPY and ADD
    bool add = false;
    Origin origin;
    std::vector<std::string> sources;  // expanded; globs stay
    std::vector<InlineFile> files;     // content expanded
    // Absolute; a trailing '/' means "into this directory", also for "." and several sources.
    std::string dest;
    std::string chown;  // "user", "user:group", numbers or names; empty: 0:0
    std::optional<ModeChange> chmod;
    bool link = false, parents = false;
    std::vector<std::string> excludes;
    std::string checksum;  // ADD of a URL
    std::optional<bool> keep_git_dir, unpack;
};
struct CommandStep {                // CMD and ENTRYPOINT
    std::vector<std::string> argv;  // the shell's words included; empty clears it
    // ENTRYPOINT before any CMD of the stage: the base image's CMD goes (as BuildKit does it).
    bool clears_cmd = false;
};
struct HealthcheckStep {
    // As in the image's configuration: {"NONE"}, {"CMD", ...}, {"CMD-SHELL", text}.
    std::vector<std::string> test;
    std::chrono::nanoseconds interval{}, timeout{}, start_period{}, start_interval{};
    std::uint32_t retries = 0;
};
struct WorkdirStep {
    std::string path;  // absolute, cleaned
};
// ARG: its values with --build-arg and global values applied; unset ones have none.
using StepBody =
    std::variant<RunStep, TransferStep, Env, Arg, Label, WorkdirStep, User, CommandStep,
                 HealthcheckStep, Expose, Shell, StopSignal, Volume, Onbuild, Maintainer>;

struct Step {
    std::string name;  // "RUN"
    SourceSpan span;
    std::string text;      // as written, for display and errors
    bool onbuild = false;  // came from a trigger of the base image; span is that of FROM
    StepBody body;
    // In force when the step runs:
    std::string workdir;
    std::string user;
    std::size_t assignments = 0;  // see LoweredStage::environment
};

struct LoweredStage {
    std::vector<Step> steps;
    StageState begin;
    StageState end;  // give it to lower_stage of a stage that stands on this one
    std::vector<Warning> warnings;

    struct Assignment {
        std::string name;
        std::optional<std::string> value;  // none: ARG that has no value
        bool arg = false;                  // from ARG, else from ENV
    };
    std::vector<Assignment> assignments;

    // The environment a RUN step gets: base, ENV and ARG in force, without proxies.
    Environment environment(const Step& step) const;
    // The declared ARGs in force at the step with their values (for history and the cache key).
    std::vector<KeyValue> arguments(const Step& step) const;
};

// `base` is StageState::of_image for images, a default StageState for scratch, LoweredStage::end
// for stages. Error: invalid_argument, with "FILE:LINE: \"TEXT\"" as context.
Result<LoweredStage> lower_stage(const BuildSpec& spec, std::size_t stage, const StageState& base);

// After every needed stage was lowered: one warning for the build arguments nothing has used.
// `declared` are the names of all ARGs seen (StageState::declared_args of each end).
std::optional<Warning> unused_build_args(const BuildSpec& spec,
                                         const std::vector<std::string>& declared);

}  // namespace crank::dockerfile
