#include "engine/local/exec.h"

#include "engine/local/spec.h"
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
        return fail(Code::failed_precondition, "container " + name + " is not running");
    return require_awake(request.container, "exec");
}

}  // namespace

Result<Executed> execute(const ExecRequest& request) {
    TRY(check(request));
    runtime::HostFacts host = TRY(runtime::probe_host());
    if (!host.root)
        return fail(Error(Code::permission_denied, "entering a container needs root")
                        .with_hint("sudo crank exec ..."));
    oci::RuntimeSpec spec = TRY(oci::parse_runtime_spec(request.container.record.spec));
    runtime::JoinRequest join{.pid = request.container.state.pid,
                              .start_time = request.container.state.start_time,
                              .cgroups_path = spec.linux.cgroups_path,
                              .process = TRY(make_process(request, spec)),
                              .seccomp = spec.linux.seccomp,
                              .default_seccomp = !is_unfiltered(request.container.record.settings),
                              .confinement = confinement_of(request.container.record),
                              .stdin_read = {},
                              .stdout_write = {},
                              .stderr_write = {}};
    sys::UniqueFd stdin_write, stdout_read, stderr_read;
    if (request.interactive && !request.terminal) {
        sys::Pipe pipe = TRY(sys::make_pipe());
        join.stdin_read = std::move(pipe.read);
        stdin_write = std::move(pipe.write);
    }
    if (!request.detach && !request.terminal) {
        sys::Pipe out = TRY(sys::make_pipe()), err = TRY(sys::make_pipe());
        join.stdout_write = std::move(out.write);
        join.stderr_write = std::move(err.write);
        stdout_read = std::move(out.read);
        stderr_read = std::move(err.read);
    }
    runtime::Running running = TRY(runtime::join(std::move(join), host));
    TRY(running.wait_started());
    return Executed{std::move(running), std::move(stdin_write), std::move(stdout_read),
                    std::move(stderr_read)};
}

}  // namespace crank::engine::local
