#include "engine/local/bundle.h"

#include "engine/names.h"
#include "engine/other_runtime.h"
#include "runtime/host.h"
#include "runtime/other_runtime.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/unix_socket.h"

namespace crank::engine::local {
namespace {

constexpr std::size_t kMostLog = std::size_t{1} << 20;  // bytes
// What a runtime can connect to by its path (unix(7)).
constexpr std::size_t kMostSocketPath = 107;

Result<sys::UniqueFd> make_log(const std::string& path) {
    return sys::open(path, sys::kReadWrite | sys::kCreate | sys::kExclusive, 0600);
}

Result<sys::UniqueFd> listen_for_terminal(const std::string& path) {
    if (path.size() <= kMostSocketPath) return sys::listen_unix(path);
    return fail(
        Error(Code::invalid_argument, "--tty with another runtime: the path of its socket, " +
                                          path + ", is longer than 107 characters")
            .with_hint("--state with a shorter path"));
}

// Empty files that the runtime's process sees the namespaces and made mounts as.
Result<> make_places(const runtime::LaunchRequest& launch) {
    for (const oci::Namespace& ns : launch.spec.linux.namespaces)
        if (!ns.path.empty()) TRY(sys::write_file_atomic(ns.path, "", 0600, sys::Sync::no));
    for (const auto& [place, mount] : launch.made_mounts)
        TRY(sys::write_file_atomic(place, "", 0600, sys::Sync::no));
    return {};
}

std::string read_log(const sys::UniqueFd& log) {
    if (!log) return "";
    return sys::read_file("/proc/self/fd/" + std::to_string(log.get()), kMostLog).value_or("");
}

}  // namespace

Result<sys::UniqueFd> make_bundle(const StartRequest& request, const Record& record, Shared& shared,
                                  runtime::LaunchRequest& launch) {
    if (!other::has(record)) return sys::UniqueFd();
    TRY(other::check(request.options, launch.spec));
    other::Files files = other::files_of(request.paths, record.id);
    launch.other = other::commands_of(request.paths, record);
    launch.spec = TRY(other::spec_for(std::move(launch.spec), record, launch.other->bundle,
                                      request.paths.mount_point()));
    launch.pid_namespace = std::move(shared.pid);
    TRY(make_places(launch));
    if (record.terminal) {
        launch.console = TRY(listen_for_terminal(files.console));
        launch.options.after_exit.push_back({runtime::AfterExit::Kind::unlink, files.console});
    }
    TRY(sys::write_file_atomic(files.config, oci::serialize(launch.spec), 0600, sys::Sync::no));
    return make_log(files.log);
}

Error explain_other(const Record& record, const sys::UniqueFd& log, Error error) {
    return log ? other::explain(std::move(error), record, read_log(log)) : error;
}

Result<Executed> execute_by_other(const ExecRequest& request, const oci::Process& process) {
    const Record& record = request.container.record;
    std::string stem = request.paths.monitor(record.id) + "/exec-" + TRY(random_id());
    std::string file = stem + ".json", log_file = stem + ".log";
    sys::UniqueFd log = TRY(make_log(log_file));
    TRY(sys::write_file_atomic(file, oci::serialize(process), 0600, sys::Sync::no));
    runtime::OtherJoinRequest join{
        .words = other::exec_words(request.paths, record, file, log_file),
        .process = process,
        .remove_after = {file, log_file},
        .stdin_read = {},
        .stdout_write = {},
        .stderr_write = {}};
    ExecStreams streams = TRY(make_streams(request));
    join.stdin_read = std::move(streams.stdin_read);
    join.stdout_write = std::move(streams.stdout_write);
    join.stderr_write = std::move(streams.stderr_write);
    runtime::Running running =
        TRY(runtime::join_other(std::move(join), TRY(runtime::probe_host())));
    TRY(running.wait_started());
    return Executed{std::move(running), std::move(streams.stdin_write),
                    std::move(streams.stdout_read), std::move(streams.stderr_read), std::move(log)};
}

}  // namespace crank::engine::local
