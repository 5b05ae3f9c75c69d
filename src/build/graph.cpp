#include "build/graph.h"

#include <algorithm>

#include "build/canonical.h"

namespace crank::build {

namespace {

using dockerfile::Step;

bool defines(std::span<const std::string> env, std::string_view entry) {
    std::string_view name = entry.substr(0, entry.find('=') + 1);
    return std::ranges::any_of(env, [&](const std::string& e) { return e.starts_with(name); });
}

std::unexpected<Error> refuse(std::string what, std::string hint) {
    return fail(Error(Code::unsupported, std::move(what) + " is not supported yet")
                    .with_hint(std::move(hint)));
}

Result<RunOp::Network> network_of(const dockerfile::RunStep& run) {
    if (run.network == "none") return RunOp::Network::none;
    if (run.network == "host") return RunOp::Network::host;
    return RunOp::Network::standard;
}

Result<Op> run_op(const Step& step, const dockerfile::RunStep& run,
                  const dockerfile::LoweredStage& stage, const dockerfile::BuildSpec& spec,
                  std::int64_t epoch) {
    if (!run.security.empty() && run.security != "sandbox")
        return refuse("RUN --security=" + run.security, "leave the flag out");
    if (!run.devices.empty()) return refuse("RUN --device", "leave the flag out");
    RunOp op;
    op.argv = run.argv;
    op.env = stage.environment(step).to_list();
    for (std::string& entry : reproducible_environment(epoch))
        if (!defines(op.env, entry)) op.env.push_back(std::move(entry));
    for (const std::string& entry : spec.proxy_environment)
        if (!defines(op.env, entry)) op.transient_env.push_back(entry);
    op.user = step.user;
    op.cwd = step.workdir;
    op.script = run.script;
    op.network = TRY(network_of(run));
    op.mounts = run.mounts;
    op.mount_origins = run.mount_origins;
    return Op(std::move(op));
}

Result<Op> copy_op(const dockerfile::TransferStep& transfer) {
    CopyOp op{transfer, {}};
    if (!transfer.add) return Op(std::move(op));
    op.step.sources.clear();
    for (const std::string& source : transfer.sources) {
        auto remote = TRY(remote_of(source, transfer));
        if (remote)
            op.remotes.push_back(std::move(*remote));
        else
            op.step.sources.push_back(source);
    }
    if (op.remotes.empty() && !transfer.checksum.empty())
        return fail(Error(Code::invalid_argument, "--checksum is for files of the network")
                        .with_hint("leave the flag out"));
    if (op.remotes.size() > 1 && !transfer.checksum.empty())
        return fail(Code::invalid_argument, "--checksum is for one source");
    return Op(std::move(op));
}

void add_list(Canonical& text, std::string_view name, std::span<const std::string> list) {
    text.add(name, static_cast<std::int64_t>(list.size()));
    for (const std::string& item : list) text.add(name, item);
}

void add_digests(Canonical& text, std::string_view name, std::span<const oci::Digest> list) {
    text.add(name, static_cast<std::int64_t>(list.size()));
    for (const oci::Digest& digest : list) text.add(name, digest.str());
}

void describe(Canonical& text, const dockerfile::Mount& mount) {
    auto number = [](auto value) { return value ? static_cast<std::int64_t>(*value) : -1; };
    text.add("mount", dockerfile::mount_type_name(mount.type));
    text.add("source", mount.source);
    text.add("target", mount.target);
    text.add("id", mount.id);
    text.add("sharing", mount.sharing);
    text.add("variable", mount.env);
    text.add("read-only", mount.read_only ? 1 : 0);
    text.add("required", mount.required ? 1 : 0);
    text.add("size", number(mount.size));
    text.add("mode", number(mount.mode));
    text.add("uid", number(mount.uid));
    text.add("gid", number(mount.gid));
}

void describe(Canonical& text, const RunOp& op) {
    text.add("op", "run");
    add_list(text, "argv", op.argv);
    // The order in which variables were defined is no input of a program that looks them up.
    std::vector<std::string> env = op.env;
    std::ranges::sort(env);
    add_list(text, "env", env);
    text.add("user", op.user);
    text.add("cwd", op.cwd);
    text.add("network", static_cast<std::int64_t>(op.network));
    if (op.script) {
        text.add("script", op.script->path);
        text.add("content", op.script->content);
    }
    for (const dockerfile::Mount& mount : op.mounts) describe(text, mount);
}

void describe(Canonical& text, const CopyOp& op) {
    const dockerfile::TransferStep& step = op.step;
    text.add("op", step.add ? "add" : "copy");
    text.add("dest", step.dest);
    text.add("chown", step.chown);
    auto mode = step.chmod ? step.chmod->absolute() : std::nullopt;
    text.add("chmod", mode ? static_cast<std::int64_t>(*mode) : -1);
    if (step.chmod && !mode) text.add("chmod", step.chmod->text());
    if (step.link) text.add("link", 1);
    if (step.parents) text.add("parents", 1);
    text.add("unpack", step.unpack ? (*step.unpack ? 1 : 0) : -1);
    // From another stage no content is hashed: its layers and the patterns say the same.
    if (!dockerfile::is_directory(step.origin)) {
        add_list(text, "source", step.sources);
        add_list(text, "exclude", step.excludes);
    }
    for (const Remote& remote : op.remotes) text.add("remote", remote.name);
    for (const dockerfile::InlineFile& file : step.files) {
        text.add("file", file.name);
        text.add("content", file.content);
    }
}

void describe(Canonical& text, const DirectoryOp& op) {
    text.add("op", "directory");
    text.add("path", op.path);
    text.add("user", op.user);
}

void describe(Canonical&, const ConfigOp&) {}

}  // namespace

bool RunOp::operator==(const RunOp& other) const {
    auto same_script = script.has_value() == other.script.has_value() &&
                       (!script || (script->path == other.script->path &&
                                    script->content == other.script->content));
    return same_script && argv == other.argv && env == other.env &&
           transient_env == other.transient_env && user == other.user && cwd == other.cwd &&
           network == other.network && mounts == other.mounts;
}

std::vector<std::string> reproducible_environment(std::int64_t epoch) {
    return {"SOURCE_DATE_EPOCH=" + std::to_string(epoch), "PYTHONHASHSEED=0", "PIP_NO_CACHE_DIR=1",
            "PIP_DISABLE_PIP_VERSION_CHECK=1"};
}

Result<Op> op_of(const Step& step, const dockerfile::LoweredStage& stage,
                 const dockerfile::BuildSpec& spec, std::int64_t epoch) {
    if (const auto* run = std::get_if<dockerfile::RunStep>(&step.body))
        return run_op(step, *run, stage, spec, epoch);
    if (const auto* transfer = std::get_if<dockerfile::TransferStep>(&step.body))
        return copy_op(*transfer);
    if (const auto* workdir = std::get_if<dockerfile::WorkdirStep>(&step.body))
        if (workdir->path != "/") return Op(DirectoryOp{workdir->path, step.user});
    return Op(ConfigOp{});
}

std::string settings_text(const BuildRequest::StepSettings& settings) {
    if (settings.hosts.empty() && settings.rlimits.empty() && !settings.shm_size) return "";
    Canonical text("crank-step-settings-v1");
    for (const auto& host : settings.hosts) {
        text.add("host", host.name);
        text.add("address", host.address);
    }
    for (const oci::Rlimit& limit : settings.rlimits) {
        text.add("limit", limit.type);
        text.add("soft", std::to_string(limit.soft));
        text.add("hard", std::to_string(limit.hard));
    }
    if (settings.shm_size) text.add("shm", *settings.shm_size);
    return text.text();
}

std::optional<oci::Digest> cache_key(const Op& op, const KeyInputs& inputs) {
    if (std::holds_alternative<ConfigOp>(op)) return std::nullopt;
    Canonical text("crank-step-v1");
    text.add("normalisation", kNormalisation);
    text.add("platform", inputs.platform);
    text.add("epoch", inputs.epoch);
    add_digests(text, "parent", inputs.parent);
    std::visit([&](const auto& body) { describe(text, body); }, op);
    if (inputs.content) text.add("selection", inputs.content->str());
    add_digests(text, "from", inputs.other_parent);
    if (!inputs.mounts.empty()) add_digests(text, "mounted", inputs.mounts);
    if (!inputs.settings.empty()) text.add("settings", inputs.settings);
    return text.digest();
}

}  // namespace crank::build
