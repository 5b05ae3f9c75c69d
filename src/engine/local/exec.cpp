#include "engine/local/exec.h"

#include "engine/local/bundle.h"
#include "engine/local/spec.h"
#include "engine/other_runtime.h"
#include "engine/pause.h"
#include "oci/runtime_spec.h"
#include "oci/users.h"
#include "runtime/host.h"
#include "sys/file.h"
#include "sys/open_flags.h"

namespace crank::engine::local {
namespace {

constexpr std::size_t kMaxUserFile = std::size_t{1} << 20;

// A file as the container's processes see it. Its content is theirs: hostile.
Result<std::string> read_inside(const sys::UniqueFd& root, const std::string& path) {
    Result<sys::UniqueFd> file =
        sys::open_in_root(root.get(), path, sys::kReadOnly | sys::kNonBlock);
    if (!file) {
        if (file.error().code() == Code::not_found) return "";
        return fail(std::move(file).error());
    }
    if (!TRY(sys::stat_fd(file->get(), path)).is_regular())
        return fail(Code::invalid_argument, path + " in the container is not a regular file");
    return sys::read_all(file->get(), kMaxUserFile, path);
}

Result<oci::UserEntry> find_user(const Container& container, const std::string& user) {
    sys::UniqueFd root =
        TRY(sys::open_dir("/proc/" + std::to_string(container.state.pid) + "/root/"));
    return oci::resolve_user(
        user, {TRY(read_inside(root, "/etc/passwd")), TRY(read_inside(root, "/etc/group"))});
}

Result<oci::Process> make_process(const ExecRequest& request, const oci::RuntimeSpec& spec) {
    oci::Process process = spec.process;
    process.args = request.command;
    process.terminal = request.terminal;
    process.console_rows = request.rows;
    process.console_columns = request.columns;
    process.env = merge_env(std::move(process.env), request.env);
    if (request.terminal) process.env = merge_env({"TERM=xterm"}, process.env);
    if (!request.working_dir.empty()) process.cwd = request.working_dir;
    if (!process.cwd.starts_with('/'))
        return fail(Code::invalid_argument,
                    "the working directory \"" + process.cwd + "\" is not absolute");
    if (!request.user.empty()) {
        oci::UserEntry user = TRY(find_user(request.container, request.user));
        process.user = {.uid = user.uid, .gid = user.gid, .additional_gids = user.groups};
        process.capabilities = capability_sets(user.uid, spec.process.capabilities.bounding);
        process.env = merge_env(std::move(process.env), {"HOME=" + user.home});
    }
    return process;
}

Result<> check(const ExecRequest& request) {
    const Record& record = request.container.record;
    std::string name = shown_name(record);
    if (record.kind == Kind::native)
        return fail(Error(Code::unsupported,
                          name + " is a native worker: there is no container to execute in")
                        .with_hint("run the command itself"));
    if (request.container.state.status != Status::running)
        return fail(not_running(request.container.record));
    return require_awake(request.container, "exec");
}

}  // namespace

Result<ExecStreams> make_streams(const ExecRequest& request) {
    ExecStreams streams;
    if (request.interactive && !request.terminal) {
        sys::Pipe pipe = TRY(sys::make_pipe());
        streams.stdin_read = std::move(pipe.read);
        streams.stdin_write = std::move(pipe.write);
    }
    if (request.detach || request.terminal) return streams;
    sys::Pipe out = TRY(sys::make_pipe()), err = TRY(sys::make_pipe());
    streams.stdout_write = std::move(out.write);
    streams.stderr_write = std::move(err.write);
    streams.stdout_read = std::move(out.read);
    streams.stderr_read = std::move(err.read);
    return streams;
}

Result<Executed> execute(const ExecRequest& request) {
    TRY(check(request));
    runtime::HostFacts host = TRY(runtime::probe_host());
    if (!host.root)
        return fail(Error(Code::permission_denied, "entering a container needs root")
                        .with_hint("sudo crank exec ..."));
    oci::RuntimeSpec spec = TRY(oci::parse_runtime_spec(request.container.record.spec));
    oci::Process process = TRY(make_process(request, spec));
    if (other::has(request.container.record)) return execute_by_other(request, process);
    runtime::JoinRequest join{.pid = request.container.state.pid,
                              .start_time = request.container.state.start_time,
                              .cgroups_path = spec.linux.cgroups_path,
                              .process = std::move(process),
                              .seccomp = spec.linux.seccomp,
                              .default_seccomp = !is_unfiltered(request.container.record.settings),
                              .confinement = confinement_of(request.container.record),
                              .stdin_read = {},
                              .stdout_write = {},
                              .stderr_write = {},
                              .end_with_caller = request.end_with_caller};
    ExecStreams streams = TRY(make_streams(request));
    join.stdin_read = std::move(streams.stdin_read);
    join.stdout_write = std::move(streams.stdout_write);
    join.stderr_write = std::move(streams.stderr_write);
    runtime::Running running = TRY(runtime::join(std::move(join), host));
    TRY(running.wait_started());
    return Executed{std::move(running), std::move(streams.stdin_write),
                    std::move(streams.stdout_read), std::move(streams.stderr_read)};
}

Result<> check_end(const ExecRequest& request, const Executed& executed,
                   const runtime::ExitStatus& exit) {
    if (!executed.log || exit.code == 0) return {};
    // Without words of the runtime's it is the program's own end.
    Error none(Code::internal, "");
    Error error = explain_other(request.container.record, executed.log, none);
    if (error.code() == none.code() && error.message() == none.message()) return {};
    return fail(std::move(error));
}

}  // namespace crank::engine::local
