#include "build/execute.h"

#include <algorithm>

#include "build/add_archives.h"
#include "build/bytecode.h"
#include "build/copy.h"
#include "build/workspace.h"
#include "sys/file.h"

namespace crank::build {

namespace {

bool defines(std::span<const std::string> env, std::string_view entry) {
    std::string_view name = entry.substr(0, entry.find('=') + 1);
    return std::ranges::any_of(env, [&](const std::string& e) { return e.starts_with(name); });
}

// What is there already wins: it is the image's and the Dockerfile's.
void add_missing(std::vector<std::string>& env, std::span<const std::string> more) {
    for (const std::string& entry : more)
        if (!defines(env, entry)) env.push_back(entry);
}

// A step that failed has no layer; copies from another stage keep the times they had there.
bool all_times_are_clamped(const Op& op) {
    if (std::holds_alternative<DirectoryOp>(op)) return true;
    const auto* copy = std::get_if<CopyOp>(&op);
    return copy != nullptr && dockerfile::is_directory(copy->step.origin);
}

std::span<const std::string> environment_of(const Op& op) {
    const auto* run = std::get_if<RunOp>(&op);
    return run != nullptr ? std::span<const std::string>(run->env) : std::span<const std::string>();
}

// What Python and its pip, curl, and git say where they do not know who has signed a certificate.
bool lacks_authority(const std::vector<std::string>& lines) {
    constexpr std::string_view kSaid[] = {"CERTIFICATE_VERIFY_FAILED", "SSL certificate problem",
                                          "certificate verification failed"};
    return std::ranges::any_of(lines, [&](const std::string& line) {
        return std::ranges::any_of(kSaid,
                                   [&](std::string_view said) { return line.contains(said); });
    });
}

}  // namespace

void OutputTail::add(std::string_view text) {
    while (!text.empty()) {
        std::size_t end = std::min(text.find('\n'), text.size());
        open_ += text.substr(0, std::min(end, kMaxLine - std::min(open_.size(), kMaxLine)));
        if (end == text.size()) return;
        text.remove_prefix(end + 1);
        lines_.push_back(std::move(open_));
        open_.clear();
        if (lines_.size() > kMaxLines) lines_.pop_front();
    }
}

std::vector<std::string> OutputTail::lines() const {
    std::vector<std::string> all(lines_.begin(), lines_.end());
    if (!open_.empty()) all.push_back(open_);
    return all;
}

ContainerHost Executor::host() const {
    return {&request_.host, &request_.bridge, &request_.open_way_out, request_.cancel_fd};
}

Result<Executed> Executor::run(const Op& op, const ExecuteInputs& inputs,
                               const OutputSink& output) {
    failure_ = {};
    Workspace workspace = TRY(Workspace::create(store_, inputs.parent));
    Executed executed;
    if (const auto* run = std::get_if<RunOp>(&op))
        TRY(apply(*run, workspace, inputs, output));
    else if (const auto* copy = std::get_if<CopyOp>(&op))
        TRY(apply(*copy, workspace, inputs, executed));
    else if (const auto* directory = std::get_if<DirectoryOp>(&op))
        TRY(apply(*directory, workspace));
    return finish(std::move(workspace), op, inputs, std::move(executed));
}

Result<std::string> Executor::owner_of(std::span<const oci::Digest> layers,
                                       const std::string& chown) {
    Workspace workspace = TRY(Workspace::create(store_, layers));
    sys::UniqueFd root = TRY(workspace.open_below());
    oci::Owner owner =
        TRY_IN(oci::resolve_owner(chown, TRY(read_user_files(root.get()))), "--chown=" + chown);
    return std::to_string(owner.uid) + ":" + std::to_string(owner.gid);
}

Result<ContainerRequest> Executor::container_of(const RunOp& op, const Workspace& workspace) {
    ContainerRequest container;
    container.argv = op.argv;
    container.cwd = op.cwd;
    {
        sys::UniqueFd root = TRY(workspace.open_below());
        container.user =
            TRY_IN(oci::resolve_user(op.user, TRY(read_user_files(root.get()))), "USER");
    }
    container.env = op.env;
    add_missing(container.env, op.transient_env);
    if (request_.host_trust) {
        add_missing(container.env, request_.host_trust->env);
        container.mounts = request_.host_trust->mounts;
        for (const HostTrustMount& mount : container.mounts) {
            bool directory = TRY(sys::stat(mount.source)).is_dir();
            TRY(directory ? workspace.lend_directory(mount.destination)
                          : workspace.lend_file(mount.destination, ""));
        }
    }
    add_missing(container.env, std::vector<std::string>{"HOME=" + container.user.home});
    switch (op.network) {
        case RunOp::Network::standard: container.network = request_.network; break;
        case RunOp::Network::none: container.network = BuildRequest::Network::none; break;
        case RunOp::Network::host: container.network = BuildRequest::Network::host; break;
    }
    if (op.script) {
        std::string path = workspace.scratch() + "/script";
        TRY(sys::write_file_atomic(path, op.script->content, 0755, sys::Sync::no));
        container.mounts.push_back({path, op.script->path});
    }
    return container;
}

Result<> Executor::apply(const RunOp& op, Workspace& workspace, const ExecuteInputs& inputs,
                         const OutputSink& output) {
    ContainerRequest container = TRY(container_of(op, workspace));
    StepMounts mounts = TRY(prepare_mounts(op, inputs.mounts, workspace, request_, store_));
    container.settings = &request_.steps;
    container.step_mounts = std::move(mounts.mounts);
    for (const auto& [source, fd] : mounts.made) container.made_mounts[source] = fd.get();
    // Before what the host lends: they are the Dockerfile's.
    container.env.insert(container.env.end(), mounts.env.begin(), mounts.env.end());
    OutputTail tail;
    auto both = [&](bool error_stream, std::string_view text) {
        tail.add(text);
        if (output) output(error_stream, text);
    };
    runtime::ExitStatus status = TRY(run_container(workspace, container, host(), both));
    if (status.code == 0) return {};
    failure_ = {status.code, tail.lines()};
    if (status.oom_killed)
        return fail(Code::step_failed, "the command was killed: no memory was left");
    if (status.signal != 0)
        return fail(Code::step_failed,
                    "the command was killed by signal " + std::to_string(status.signal));
    Error error(Code::step_failed,
                "the command ended with exit code " + std::to_string(status.code));
    if (!request_.host_trust && lacks_authority(failure_.last_lines))
        error = std::move(error).with_hint(
            "crank config set build.host-trust true (it lends steps the certificates, index and "
            "proxy that this machine's own pip uses)");
    return fail(std::move(error));
}

Result<> Executor::apply(const CopyOp& op, const Workspace& workspace, const ExecuteInputs& inputs,
                         Executed& executed) {
    sys::UniqueFd root = TRY(workspace.open_merged());
    CopyRequest copy{.root = root.get(),
                     .tree = inputs.context,
                     .selection = inputs.selection,
                     .step = &op.step};
    auto warn = [&](std::string text) { executed.warnings.push_back(std::move(text)); };
    std::vector<SelectedSource> selection;
    if (dockerfile::is_directory(op.step.origin)) {
        selection.assign(inputs.selection.begin(), inputs.selection.end());
        if (op.step.add && op.step.unpack.value_or(true))
            TRY(add_archives(copy, selection, workspace.scratch(), warn));
        copy.selection = selection;
        return selection.empty() && op.step.files.empty() ? Result<>() : copy_into(copy);
    }
    SourceTree tree(TRY(workspace.open_layers(store_, inputs.source_layers)), {},
                    SourceTree::Metadata::kept, "the source of --from");
    selection = TRY(tree.select(op.step.sources, op.step.excludes, warn, op.step.parents));
    copy.tree = &tree;
    copy.selection = selection;
    return copy_into(copy);
}

Result<> Executor::apply(const DirectoryOp& op, const Workspace& workspace) {
    sys::UniqueFd root = TRY(workspace.open_merged());
    oci::UserEntry user =
        TRY_IN(oci::resolve_user(op.user, TRY(read_user_files(root.get()))), "USER");
    TRY(make_directory(root.get(), op.path, {user.uid, user.gid}));
    return {};
}

Result<Executed> Executor::finish(Workspace workspace, const Op& op, const ExecuteInputs& inputs,
                                  Executed executed) {
    TidyReport report = TRY(workspace.tidy());
    if (report.empty) return executed;
    if (std::holds_alternative<RunOp>(op) && !report.bytecode.empty()) {
        RecompileReport recompiled =
            TRY_IN(recompile(workspace, report.bytecode, environment_of(op), host()),
                   "recompile byte code");
        for (std::string& warning : recompiled.warnings)
            executed.warnings.push_back(std::move(warning));
    }
    store::CommitOptions options{.clamp_mtime = inputs.epoch,
                                 .set_all_mtimes = all_times_are_clamped(op)};
    executed.layer = TRY(std::move(workspace).commit(store_, options)).diff_id;
    return executed;
}

}  // namespace crank::build
