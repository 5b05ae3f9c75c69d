#include <algorithm>
#include <set>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "dockerfile/check.h"
#include "dockerfile/commands.h"
#include "dockerfile/expand.h"
#include "dockerfile/lower.h"
#include "dockerfile/origin.h"
#include "dockerfile/paths.h"
#include "dockerfile/source.h"
#include "dockerfile/values.h"

namespace crank::dockerfile {

namespace {

// execve(2): one string of the environment is at most 128 KiB (MAX_ARG_STRLEN), "NAME=" and the
// final NUL included.
constexpr std::size_t kMaxVariableBytes = 128 << 10;
constexpr std::size_t kMaxAssignmentBytes = 4 << 20;
constexpr std::size_t kMaxVariables = 4096;
constexpr std::size_t kMaxWarnings = 100;
constexpr std::size_t kMaxTriggers = 1024;
constexpr std::size_t kMaxPorts = 65536;  // of a stage

std::unexpected<Error> bad(std::string message) {
    return fail(Code::invalid_argument, std::move(message));
}

// Walks one stage's instructions in order and keeps what later ones depend on.
class StageLowering {
public:
    StageLowering(const BuildSpec& spec, const StageSpec& stage, const StageState& base)
        : spec_(spec), stage_(stage), expander_({.escape = spec.escape}) {
        out_.begin = base;
        out_.end = base;
        declared_.insert(base.declared_args.begin(), base.declared_args.end());
        out_.end.onbuild.clear();  // triggers run once, and are not handed on
    }

    Result<LoweredStage> run() {
        // Triggers of the base come first: they belong right behind FROM.
        TRY(run_triggers());
        for (const Instruction& instruction : stage_.instructions) {
            current_ = &instruction;
            auto done = add(instruction, false);
            if (!done) return fail(placed(std::move(done).error()));
        }
        return std::move(out_);
    }

private:
    Result<> run_triggers();
    Result<> add(const Instruction& instruction, bool onbuild);
    Error placed(Error error) const {
        return at(std::move(error), spec_.file, current_->span, current_->text);
    }

    Result<StepBody> lower(const Run& run);
    Result<StepBody> lower(const Copy& copy);
    Result<StepBody> lower(const Add& add);
    Result<StepBody> lower(const Env& env);
    Result<StepBody> lower(const Arg& arg);
    Result<StepBody> lower(const Label& label);
    Result<StepBody> lower(const Workdir& workdir);
    Result<StepBody> lower(const User& user);
    Result<StepBody> lower(const Cmd& cmd);
    Result<StepBody> lower(const Entrypoint& entrypoint);
    Result<StepBody> lower(const Healthcheck& check);
    Result<StepBody> lower(const Expose& expose);
    Result<StepBody> lower(const Shell& shell);
    Result<StepBody> lower(const StopSignal& signal);
    Result<StepBody> lower(const Volume& volume);
    Result<StepBody> lower(const Onbuild& onbuild);
    Result<StepBody> lower(const Maintainer& maintainer);
    Result<StepBody> lower(const From& from);

    Result<TransferStep> transfer(const Transfer& from);
    Result<> mounts_of(const Run& run, RunStep& step);
    std::vector<std::string> argv_of(const CommandLine& command) const;
    Result<Origin> origin_of(const std::string& name);
    Result<std::vector<KeyValue>> pairs(const std::vector<KeyValue>& from);
    Result<> assign(const std::string& name, std::optional<std::string> value, bool arg);
    Result<std::string> expand(const std::string& text);
    Result<Expanded> expand_all(const std::string& text);
    void warn(std::string text, std::string_view rule);

    const BuildSpec& spec_;
    const StageSpec& stage_;
    Expander expander_;
    LoweredStage out_;
    const Instruction* current_ = nullptr;
    bool cmd_seen_ = false;
    std::size_t assigned_bytes_ = 0;
    std::size_t ports_ = 0;
    std::unordered_set<std::string> declared_;  // names of ARG
};

void StageLowering::warn(std::string text, std::string_view rule) {
    if (out_.warnings.size() == kMaxWarnings) return;
    Warning warning{spec_.file, current_->span, std::move(text), rule};
    for (const Warning& old : out_.warnings)
        if (old.span == warning.span && old.text == warning.text) return;
    out_.warnings.push_back(std::move(warning));
}

Result<Expanded> StageLowering::expand_all(const std::string& text) {
    Expanded expanded = TRY(expander_.expand(text, out_.end.visible));
    for (const std::string& name : expanded.unset) {
        if (out_.warnings.size() < kMaxWarnings && !declared_.contains(name))
            warn(unset_warning(name, out_.end.visible.names()), rule::kUndefinedVar);
    }
    return expanded;
}

Result<std::string> StageLowering::expand(const std::string& text) {
    return TRY(expand_all(text)).text;
}

Result<> StageLowering::run_triggers() {
    const std::vector<std::string>& triggers = out_.begin.onbuild;
    current_ = &stage_.from;
    if (triggers.size() > kMaxTriggers)
        return fail(placed(
            Error(Code::invalid_argument, "the base image has more than 1024 ONBUILD triggers")));
    for (const std::string& trigger : triggers) {
        auto file = parse_ast(trigger, "ONBUILD trigger");
        if (!file) return fail(placed(std::move(file).error()));
        if (file->nodes.size() != 1)
            return fail(
                placed(Error(Code::invalid_argument,
                             "an ONBUILD trigger is not one instruction: " + quote_line(trigger))));
        file->nodes[0].span = stage_.from.span;
        auto instruction = parse_instruction(file->nodes[0]);
        if (!instruction) return fail(placed(std::move(instruction).error()));
        auto done = add(*instruction, true);
        if (!done)
            return fail(placed(
                std::move(done).error().with_context("ONBUILD trigger " + quote_line(trigger))));
    }
    return {};
}

Result<> StageLowering::add(const Instruction& instruction, bool onbuild) {
    Step step{.name = instruction.name, .span = instruction.span, .text = instruction.text};
    step.onbuild = onbuild;
    step.workdir = out_.end.workdir;
    step.user = out_.end.user;
    step.assignments = out_.assignments.size();
    step.body = TRY(std::visit([this](const auto& body) { return lower(body); }, instruction.body));
    out_.steps.push_back(std::move(step));
    return {};
}

Result<> StageLowering::assign(const std::string& name, std::optional<std::string> value,
                               bool arg) {
    StageState& end = out_.end;
    std::size_t size = name.size() + (value ? value->size() : 0) + 2;
    assigned_bytes_ += size;
    if (size > kMaxVariableBytes)
        return bad("variable " + quote_line(name) + " is longer than 128 KiB");
    if (assigned_bytes_ > kMaxAssignmentBytes)
        return fail(Code::exhausted, "the variables of a stage take more than 4 MiB");
    if (end.visible.entries().size() >= kMaxVariables && end.visible.find(name) == nullptr)
        return fail(Code::exhausted, "a stage has more than 4096 variables");
    if (arg && declared_.insert(name).second) end.declared_args.push_back(name);
    if (value) {
        (arg ? end.args : end.env).set(name, *value);
        end.visible.set(name, *value);
    }
    out_.assignments.push_back({name, std::move(value), arg});
    return {};
}

Result<std::vector<KeyValue>> StageLowering::pairs(const std::vector<KeyValue>& from) {
    std::vector<KeyValue> out;
    for (const KeyValue& pair : from) {
        out.push_back({TRY(expand(pair.key)), TRY(expand(pair.value))});
        if (out.back().key.empty()) return bad("a name is empty after expansion");
    }
    return out;
}

Result<StepBody> StageLowering::lower(const Env& env) {
    // All values see the environment before the instruction, also of names set in it.
    Env out{TRY(pairs(env.pairs))};
    for (const KeyValue& pair : out.pairs) {
        if (pair.key.find('=') != std::string::npos)
            return bad("the name " + quote_line(pair.key) + " holds '='");
        TRY(assign(pair.key, pair.value, false));
    }
    return out;
}

Result<StepBody> StageLowering::lower(const Arg& arg) {
    Arg out;
    for (const Arg::Item& item : arg.items) {
        std::optional<std::string> value;
        auto given = spec_.build_args.find(item.name);
        if (given != spec_.build_args.end())
            value = given->second;
        else if (item.value)
            value = TRY(expand(*item.value));
        else if (const std::string* global = spec_.global_args.find(item.name))
            value = *global;
        TRY(assign(item.name, value, true));
        out.items.push_back({item.name, std::move(value)});
    }
    return out;
}

Result<StepBody> StageLowering::lower(const Label& label) { return Label{TRY(pairs(label.pairs))}; }

Result<StepBody> StageLowering::lower(const Workdir& workdir) {
    std::string path = TRY(expand(workdir.path));
    if (path.empty()) return bad("WORKDIR is empty after expansion");
    out_.end.workdir = resolve_path(out_.end.workdir, path);
    return WorkdirStep{out_.end.workdir};
}

Result<StepBody> StageLowering::lower(const User& user) {
    out_.end.user = TRY(expand(user.user));
    if (out_.end.user.empty()) return bad("USER is empty after expansion");
    return User{out_.end.user};
}

std::vector<std::string> StageLowering::argv_of(const CommandLine& command) const {
    if (!command.shell) return command.words;
    std::vector<std::string> argv = out_.end.shell;
    argv.push_back(join(command.words, " "));
    return argv;
}

Result<StepBody> StageLowering::lower(const Cmd& cmd) {
    cmd_seen_ = true;
    return CommandStep{.argv = argv_of(cmd.command)};
}

Result<StepBody> StageLowering::lower(const Entrypoint& entrypoint) {
    return CommandStep{.argv = argv_of(entrypoint.command), .clears_cmd = !cmd_seen_};
}

Result<StepBody> StageLowering::lower(const Healthcheck& check) { return healthcheck_step(check); }

Result<StepBody> StageLowering::lower(const Expose& expose) {
    Expose out;
    std::unordered_set<std::string> seen;
    for (const std::string& word : expose.ports) {
        Expanded expanded = TRY(expand_all(word));
        for (const std::string& spec : expanded.words) {
            bool had_host = false;
            std::vector<std::string> ports = TRY(parse_exposed(spec, had_host));
            if (had_host)
                warn("EXPOSE takes the container's port alone; the host's part of " +
                         quote_line(spec) + " has no effect (publish with crank run -p)",
                     rule::kExposeInvalidFormat);
            ports_ += ports.size();
            if (ports_ > kMaxPorts) return bad("a stage exposes more than 65536 ports");
            for (std::string& port : ports)
                if (seen.insert(port).second) out.ports.push_back(std::move(port));
        }
    }
    return out;
}

Result<StepBody> StageLowering::lower(const Shell& shell) {
    out_.end.shell = shell.words;
    return shell;
}

Result<StepBody> StageLowering::lower(const StopSignal& signal) {
    std::string name = TRY(expand(signal.signal));
    return StopSignal{TRY(check_signal(name))};
}

Result<StepBody> StageLowering::lower(const Volume& volume) {
    Volume out;
    for (const std::string& path : volume.paths) {
        out.paths.push_back(TRY(expand(path)));
        if (out.paths.back().empty()) return bad("a path of VOLUME is empty after expansion");
    }
    return out;
}

Result<StepBody> StageLowering::lower(const Onbuild& onbuild) {
    out_.end.onbuild.push_back(onbuild.trigger);
    return onbuild;
}

Result<StepBody> StageLowering::lower(const Maintainer& maintainer) {
    warn("MAINTAINER is deprecated; use LABEL org.opencontainers.image.authors=...",
         rule::kMaintainerDeprecated);
    return maintainer;
}

Result<StepBody> StageLowering::lower(const From&) { return bad("FROM inside a stage"); }

Result<Origin> StageLowering::origin_of(const std::string& name) {
    Origin origin = TRY(find_origin(spec_, name, stage_.index));
    const auto* ref = std::get_if<StageRef>(&origin);
    // Only a trigger can name a stage that the graph did not see.
    if (ref != nullptr && !std::ranges::count(stage_.needs, ref->index)) {
        return fail(Error(Code::unsupported,
                          "an ONBUILD trigger takes files from stage " + quote_line(name))
                        .with_hint("copy from that stage in this Dockerfile, not in the trigger"));
    }
    return origin;
}

Result<TransferStep> StageLowering::transfer(const Transfer& from) {
    TransferStep step;
    for (const std::string& source : from.sources) {
        step.sources.push_back(TRY(expand(source)));
        if (step.sources.back().empty())
            return bad("the source " + quote_line(source) + " is empty after expansion");
    }
    std::string dest = TRY(expand(from.dest));
    step.dest = resolve_destination(out_.end.workdir, dest);
    // Several sources only make sense in a directory; BuildKit would let the last one win.
    if (step.sources.size() + from.files.size() > 1 && !step.dest.ends_with('/')) step.dest += '/';
    step.chown = TRY(expand(from.chown));
    if (std::string mode = TRY(expand(from.chmod)); !mode.empty())
        step.chmod = TRY(parse_chmod(mode));
    step.link = from.link;
    step.excludes = from.excludes;
    for (const InlineFile& file : from.files) {
        step.files.push_back(file);
        if (!file.expand) continue;
        ExpandOptions saved = expander_.options();
        expander_.set_options({.plain_quotes = true});
        auto content = expand(file.content);
        expander_.set_options(saved);
        step.files.back().content = TRY(std::move(content));
    }
    return step;
}

Result<StepBody> StageLowering::lower(const Copy& copy) {
    TransferStep step = TRY(transfer(copy));
    for (const std::string& source : step.sources) {
        if (source.starts_with("http://") || source.starts_with("https://"))
            return fail(Error(Code::invalid_argument, "COPY cannot take the URL " + source)
                            .with_hint("use ADD"));
    }
    step.parents = copy.parents;
    step.origin = TRY(origin_of(copy.from));
    return step;
}

Result<StepBody> StageLowering::lower(const Add& add) {
    TransferStep step = TRY(transfer(add));
    step.add = true;
    step.checksum = TRY(expand(add.checksum));
    step.keep_git_dir = add.keep_git_dir;
    step.unpack = add.unpack;
    return step;
}

Result<> StageLowering::mounts_of(const Run& run, RunStep& step) {
    std::size_t agents = 0;
    for (const std::string& text : run.mounts) {
        std::string expanded = TRY(expand(text));
        Mount mount = TRY(parse_mount(expanded));
        TRY(complete_mount(mount, out_.end.workdir, agents));
        if (mount.type == Mount::Type::ssh) ++agents;
        step.mount_origins.push_back(TRY(origin_of(mount.from)));
        step.mounts.push_back(std::move(mount));
    }
    return {};
}

Result<StepBody> StageLowering::lower(const Run& run) {
    RunStep step;
    step.command = run.command;
    TRY(mounts_of(run, step));
    if (run.command.shell) {
        std::string text = join(run.command.words, " ");
        step.script = TRY(place_heredocs(run, text));
        step.argv = out_.end.shell;
        step.argv.push_back(step.script ? step.script->path : std::move(text));
    } else {
        step.argv = run.command.words;
    }
    step.network = run.network;
    step.security = run.security;
    step.devices = run.devices;
    return step;
}

}  // namespace

Result<LoweredStage> lower_stage(const BuildSpec& spec, std::size_t stage, const StageState& base) {
    if (stage >= spec.stages.size())
        return fail(Code::internal, "there is no stage " + std::to_string(stage));
    return StageLowering(spec, spec.stages[stage], base).run();
}

}  // namespace crank::dockerfile
