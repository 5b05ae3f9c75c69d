// The plan of a stage: one operation per instruction that changes files. Pure: an operation's
// identity and its cache key, never its execution (execute.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "build/build.h"
#include "build/remote.h"
#include "dockerfile/lower.h"
#include "oci/digest.h"

namespace crank::build {

// The rules by which a tree becomes a layer: times, modes, byte code, what is tidied away
// (docs/decisions). Part of every cache key; a change of the rules changes it.
inline constexpr int kNormalisation = 1;

// RUN.
struct RunOp {
    std::vector<std::string> argv;
    std::vector<std::string> env;  // NAME=value: image, ARG, reproducibility; in order
    // Set beside env and no part of the identity: proxies given with --build-arg.
    std::vector<std::string> transient_env;
    std::string user, cwd;
    std::optional<dockerfile::ScriptFile> script;
    enum class Network : std::uint8_t { standard, none, host } network = Network::standard;
    std::vector<dockerfile::Mount> mounts;
    std::vector<dockerfile::Origin> mount_origins;  // one per mount
    bool operator==(const RunOp&) const;
};

// COPY, ADD.
struct CopyOp {
    dockerfile::TransferStep step;
    std::vector<Remote> remotes;  // the sources that are no files of the context; not in the step
};

// WORKDIR: the directory, made where it is missing, with the owner of USER.
struct DirectoryOp {
    std::string path, user;
    bool operator==(const DirectoryOp&) const = default;
};

// Anything else changes the image's configuration alone.
struct ConfigOp {
    bool operator==(const ConfigOp&) const = default;
};

using Op = std::variant<RunOp, CopyOp, DirectoryOp, ConfigOp>;

// Environment of every RUN that the image's own ENV and ARG override: what makes tools leave the
// same bytes each time. Not kept in the image.
std::vector<std::string> reproducible_environment(std::int64_t epoch);

// Errors: unsupported, naming the flag (RUN --security=insecure, --device); invalid_argument
// (the URL or the checksum of an ADD).
Result<Op> op_of(const dockerfile::Step& step, const dockerfile::LoweredStage& stage,
                 const dockerfile::BuildSpec& spec, std::int64_t epoch);

// What a result depends on beside the operation itself.
struct KeyInputs {
    std::string platform;                   // "linux/amd64"
    std::vector<oci::Digest> parent;        // diff ids, lowest first
    std::int64_t epoch = 0;                 // times are clamped to it, seconds since 1970
    std::optional<oci::Digest> content;     // COPY from the context: digest_of(selection)
    std::vector<oci::Digest> other_parent;  // COPY --from: diff ids of the source
    // ADD: what the network has. RUN --mount, one per mount: what its source holds; zero for those
    // that have none. What lies in a cache, a secret or an agent is no part of the key.
    std::vector<oci::Digest> mounts;
    // RUN: settings_text() of the build.
    std::string settings = {};
};

// Pure, versioned as the key is; empty where nothing was asked for.
std::string settings_text(const BuildRequest::StepSettings& settings);

// nullopt for ConfigOp. The text that is hashed is versioned and golden-tested: the same key for
// the same step on every machine.
std::optional<oci::Digest> cache_key(const Op& op, const KeyInputs& inputs);

}  // namespace crank::build
