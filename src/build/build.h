// From a Dockerfile to an image: spec -> plan -> apply.
//
// An operation's identity, its cache key and its execution are three things: graph.h has the first
// two (pure), run.h and copy.h the third. Two builds of the same input give the same bits: layers
// come from store::Store::commit, times are clamped, byte code is recompiled (bytecode.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/source_span.h"
#include "build/host_trust.h"
#include "dockerfile/instructions.h"
#include "dockerfile/source.h"
#include "network/network.h"
#include "oci/digest.h"
#include "oci/runtime_spec.h"
#include "runtime/plan.h"
#include "store/store.h"

namespace crank::build {

// --- progress ------------------------------------------------------------------------------

// One of the steps that the target needs. Numbers count from 1 within the stage, FROM included, as
// Docker counts them: "[builder 2/5] RUN make".
struct StepInfo {
    std::size_t id = 0;  // unique within the build, in the order of execution, from 0
    std::string stage;   // name of the stage; empty where the file has one stage alone
    int number = 0;
    int total = 0;
    std::string text;  // the instruction as written
    SourceSpan span;
};

struct StepStarted {
    StepInfo step;
};
struct StepOutput {
    std::size_t id = 0;
    bool error_stream = false;
    std::string_view text;  // as it came: may end in the middle of a line; valid during the call
};
struct StepFinished {
    std::size_t id = 0;
    bool cached = false;
    bool failed = false;
    std::chrono::nanoseconds duration{};
};
// Something the user should know at once: "using alias python:3.11-slim -> localhost/...".
struct Note {
    std::string text;
};
struct ImageWritten {
    oci::Digest id;
    std::vector<std::string> tags;  // full references
};
using Progress =
    std::variant<StepStarted, StepOutput, StepFinished, Note, dockerfile::Warning, ImageWritten>;
// Called in the caller's thread, never concurrently.
using ProgressSink = std::function<void(const Progress&)>;

// --- request -------------------------------------------------------------------------------

struct BuildRequest {
    // Directory that COPY reads. Empty: there is none (`crank build -` with the Dockerfile alone),
    // and a COPY from it is an error.
    std::string context;
    // Path of the Dockerfile; empty: `Dockerfile` in the context. Ignored where dockerfile_text is
    // given (`-f -`), whose name in messages is "Dockerfile".
    std::string dockerfile;
    std::optional<std::string> dockerfile_text;
    std::string ignore_file;                        // in place of the context's own; empty: that
    std::vector<std::string> tags;                  // as the user wrote them; checked first
    std::map<std::string, std::string> build_args;  // --build-arg NAME=VALUE, resolved
    std::map<std::string, std::string> labels;      // --label
    std::string target;
    bool no_cache = false;
    std::vector<std::string> no_cache_stages;  // --no-cache-filter: names of stages done again
    // RUN --mount=type=secret: read when a step needs it, by id. One of the three is there.
    struct SecretSource {
        std::string file, env;
        std::optional<std::string> value = {};
    };
    std::map<std::string, SecretSource> secrets;
    // RUN --mount=type=ssh: the socket of an agent, or files with keys, by id; never empty.
    std::map<std::string, std::vector<std::string>> agents;
    // --build-context: a directory, or an image.
    struct NamedContext {
        std::string directory, image;
    };
    std::map<std::string, NamedContext> contexts;
    // Network of RUN steps that name none themselves.
    enum class Network : std::uint8_t { bridge, none, host } network = Network::bridge;
    // What the containers of RUN steps have beside the usual. Hosts, limits of a process and the
    // size of /dev/shm are part of a step's identity, as with BuildKit; what it may use is none.
    struct StepSettings {
        struct Host {
            std::string name, address;  // kHostGateway: this machine, as a step reaches it
        };
        std::vector<Host> hosts;  // lines of /etc/hosts
        std::vector<oci::Rlimit> rlimits;
        std::optional<std::int64_t> shm_size;  // bytes; the usual: 64 MiB
        oci::Resources resources;
    } steps;
    // The host's package index, proxy and CA settings for RUN steps (host_trust.h); absent: off.
    std::optional<HostTrust> host_trust;
    // References the configuration maps to others, both sides as the user wrote them.
    std::map<std::string, std::string> aliases;
    // SOURCE_DATE_EPOCH of the caller's environment; --build-arg or ARG of that name wins; absent:
    // kDefaultEpoch.
    std::optional<std::int64_t> source_date_epoch;
    // Gets an image that FROM names from its registry into the store: where it is not there, or
    // always where `pull` says so; never for an alias. May be empty.
    std::function<Result<>(const std::string&)> fetch_image;
    bool pull = false;
    // Writes what a URL leads to into a descriptor: for ADD. May be empty.
    std::function<Result<>(const std::string& url, int fd)> fetch_url = {};

    // --output: where the target's files go instead of the store: into a directory, or as a tar to
    // a descriptor that the caller owns. Their image is not kept.
    struct Export {
        enum class Kind : std::uint8_t { directory, tar } kind = Kind::directory;
        std::string directory;  // made where it is missing
        int fd = -1;
    };
    std::optional<Export> files_to;

    std::string state_dir;  // /run/crank: containers of RUN steps, network leases
    network::BridgeConfig bridge;
    // Called before the bridge is used: the name server that answers there instead of the host's;
    // empty: the host's are reached. May be absent.
    std::function<Result<std::string>()> open_way_out = {};
    runtime::HostFacts host;
    ProgressSink progress;  // may be empty
    // Readable once the user wants the build to end (a pipe or an eventfd); -1: never. The build
    // then kills what runs, removes what it made and returns `cancelled`.
    int cancel_fd = -1;
};

inline constexpr std::string_view kHostGateway = "host-gateway";
inline constexpr std::size_t kMaxSecret = std::size_t{500} << 10;  // bytes, as BuildKit has it

// 1980-01-02 00:00:00 UTC: the earliest day that a ZIP archive can hold in every time zone.
inline constexpr std::int64_t kDefaultEpoch = 315619200;

// --- outcome -------------------------------------------------------------------------------

struct StepReport {
    StepInfo step;
    bool cached = false;
    bool makes_layer = false;
    std::chrono::nanoseconds duration{};
};

struct BuildOutcome {
    oci::Digest id;                 // of the image: its config digest; of none with files_to
    bool known = false;             // the store had it before
    std::vector<std::string> tags;  // full references that now name it
    std::vector<StepReport> steps;
    std::vector<dockerfile::Warning> warnings;  // all of them; each was reported when it was found
};

// Errors: invalid_argument (the Dockerfile, a tag, a source out of the context), not_found (no
// Dockerfile, no such base image, no such source), step_failed (a RUN: the message holds
// FILE:LINE, the instruction's lines, the exit code and the last lines of its output), cancelled.
// On an error no image, tag or layer is left that was not there before, but for finished steps in
// the build cache.
Result<BuildOutcome> build(const BuildRequest& request, store::Store& store);

// --- explain -------------------------------------------------------------------------------

struct ExplainedStep {
    StepInfo step;
    enum class Action : std::uint8_t {
        base,    // FROM
        config,  // changes the image's configuration alone
        cached,  // its result is in the store
        run,     // would be executed
        after,   // would be executed or found, which is only known once an earlier one has run
    } action = Action::config;
    std::string detail;              // "localhost/crank/python:3.11-slim", "3 files, 1.2kB", ...
    std::optional<oci::Digest> key;  // cache key, where it is known
};
struct Explanation {
    std::vector<ExplainedStep> steps;
    std::vector<std::string> notes;
    std::vector<dockerfile::Warning> warnings;
    std::optional<oci::Digest> id;  // of the image that comes of it, where nothing has to run
    std::string describe() const;   // all of it, a line each
};
// The plan of the same request, without doing any of it. Errors: as build, but for step_failed.
Result<Explanation> explain(const BuildRequest& request, store::Store& store);

// --- check ---------------------------------------------------------------------------------

struct Checked {
    // In the file's order; what its `# check=skip=` names is left out.
    std::vector<dockerfile::Warning> findings;
    std::vector<std::string> notes;  // what could not be looked at, and why
    dockerfile::Dockerfile file;
};
// Reads the request as build() does, and does none of it. Errors: as explain().
Result<Checked> check(const BuildRequest& request, store::Store& store);

}  // namespace crank::build
