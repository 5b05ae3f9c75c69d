// Third layer: nodes -> typed instructions and stages. Nothing is expanded yet.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/source_span.h"
#include "dockerfile/ast.h"

namespace crank::dockerfile {

// RUN, CMD, ENTRYPOINT, HEALTHCHECK CMD: shell form (one text for the shell) or exec form (words).
struct CommandLine {
    bool shell = false;
    std::vector<std::string> words;  // shell form: exactly one element; exec form may be empty

    bool operator==(const CommandLine&) const = default;
};

struct KeyValue {
    std::string key;
    std::string value;

    bool operator==(const KeyValue&) const = default;
};

// RUN --mount=type=...; every text may hold variables until it is lowered.
struct Mount {
    enum class Type : std::uint8_t { bind, cache, tmpfs, secret, ssh };
    Type type = Type::bind;
    std::string from;    // stage or image; empty: the context
    std::string source;  // path in `from`, or the secret's id for secret mounts without id
    std::string target;  // empty: a secret that is a variable alone
    std::string id;
    std::string sharing;  // cache: shared (default), private, locked
    std::string env;      // secret: name of the environment variable
    bool read_only = false;
    bool required = false;
    std::optional<std::int64_t> size;  // tmpfs: bytes
    std::optional<std::uint32_t> mode, uid, gid;

    bool operator==(const Mount&) const = default;
};

struct From {
    std::string image;  // image reference, name of an earlier stage, or "scratch"
    std::string name;   // AS name, lower case; empty when there is none
    std::string platform;
};
struct Run {
    CommandLine command;
    std::vector<std::string> mounts;   // values of --mount, see parse_mount
    std::string network;               // --network: empty, "default", "none", "host"
    std::string security;              // --security: empty, "sandbox", "insecure"
    std::vector<std::string> devices;  // values of --device
    std::vector<Heredoc> heredocs;
};
// A file whose content stands in the Dockerfile: COPY <<name dest.
struct InlineFile {
    std::string name;
    std::string content;
    bool expand = true;  // variables in content are expanded (quotes are plain text there)
};
struct Transfer {
    std::vector<std::string> sources;  // as written, globs and all
    std::vector<InlineFile> files;
    std::string dest;
    std::string chown, chmod;
    bool link = false;
    std::vector<std::string> excludes;  // --exclude, patterns as in .dockerignore
};
struct Copy : Transfer {
    std::string from;  // stage name or index, or image; never holds variables
    bool parents = false;
};
struct Add : Transfer {
    std::string checksum;
    std::optional<bool> keep_git_dir, unpack;
};
struct Env {
    std::vector<KeyValue> pairs;
};
struct Arg {
    struct Item {
        std::string name;
        std::optional<std::string> value;
    };
    std::vector<Item> items;
};
struct Label {
    std::vector<KeyValue> pairs;
};
struct Workdir {
    std::string path;
};
struct User {
    std::string user;
};
struct Cmd {
    CommandLine command;
};
struct Entrypoint {
    CommandLine command;
};
struct Expose {
    std::vector<std::string> ports;  // after lowering: "8080/tcp", ranges opened, no duplicates
};
struct Healthcheck {
    bool none = false;
    CommandLine command;
    // 0: not given. At least 1 ms otherwise.
    std::chrono::nanoseconds interval{}, timeout{}, start_period{}, start_interval{};
    std::uint32_t retries = 0;
};
struct Shell {
    std::vector<std::string> words;
};
struct StopSignal {
    std::string signal;
};
struct Volume {
    std::vector<std::string> paths;
};
struct Onbuild {
    std::string trigger;  // the instruction's text, here-documents included
};
struct Maintainer {
    std::string name;
};

using Body = std::variant<From, Run, Copy, Add, Env, Arg, Label, Workdir, User, Cmd, Entrypoint,
                          Expose, Healthcheck, Shell, StopSignal, Volume, Onbuild, Maintainer>;

struct Instruction {
    std::string name;  // "RUN"
    SourceSpan span;
    std::string text;  // the logical line as written, continuations joined
    Body body;
};

struct Stage {
    Instruction from;  // holds From
    std::vector<Instruction> instructions;

    const From& base() const { return std::get<From>(from.body); }
};

struct Dockerfile {
    std::string file;
    std::string text;  // the whole file, for showing lines
    Directives directives;
    std::vector<Instruction> global_args;  // ARG before the first FROM; each holds Arg
    std::vector<Stage> stages;             // at least one
    std::vector<Warning> warnings;

    // Physical line `line` (from 1) without its line end; empty when there is none.
    std::string_view line(std::uint32_t number) const;
};

// The whole way from text to typed instructions. `file` is the name shown in errors.
// Error: invalid_argument, with "FILE:LINE: \"TEXT\"" as context and a hint where one is known.
Result<Dockerfile> parse(std::string_view text, std::string_view file);

// One node -> one instruction. Error: invalid_argument, without its place: see at().
Result<Instruction> parse_instruction(const Node& node);

// Comma-separated fields; a field in double quotes may hold commas, "" in it is one quote
// (RFC 4180, one record). Error: invalid_argument.
Result<std::vector<std::string>> csv_fields(std::string_view text);
std::string_view mount_type_name(Mount::Type type);  // "cache"
// "type=cache,target=/root/.cache": no variables left in it. Error: invalid_argument.
Result<Mount> parse_mount(std::string_view value);
// What its keys leave open: the target below `workdir`, the id, where a secret or the `agents`th
// agent of a step lies. Error: invalid_argument.
Result<> complete_mount(Mount& mount, std::string_view workdir, std::size_t agents);
// The `from` of a mount before expansion (it may not hold variables), empty when there is none.
Result<std::string> mount_from(std::string_view value);

}  // namespace crank::dockerfile
