// `start`: the word to a process that waits for it.
#include <chrono>
#include <csignal>
#include <span>

#include "base/crash_point.h"
#include "runtime/oci/hooks.h"
#include "runtime/oci/life.h"
#include "runtime/oci/listener.h"
#include "runtime/runtime.h"
#include "shim/wire.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/socket.h"
#include "sys/unix_socket.h"

namespace crank::runtime::oci_verbs {
namespace {

constexpr std::chrono::milliseconds kDeadline{60'000};

struct Told {
    shim::Report report{};
    sys::UniqueFd listener;  // of its filter, where that has one
};

// A report, or nothing: the end of the connection, which the program's execution closed.
Result<std::optional<Told>> read_report(int connection) {
    Told told;
    auto received = TRY(sys::receive_packet(
        connection, std::as_writable_bytes(std::span(&told.report, 1)), kDeadline));
    if (!received)
        return fail(Code::deadline_exceeded, "the container did not start within 60 seconds");
    if (received->size == 0) return std::optional<Told>();
    if (received->size != sizeof told.report)
        return fail(Code::internal, "malformed report of the container");
    told.listener = std::move(received->descriptor);
    return std::optional(std::move(told));
}

Result<> execute(const oci::ContainerRecord& record, const oci::RuntimeSpec& spec, int connection) {
    TRY(sys::write_all(connection, "s", "the start socket"));
    auto told = TRY(read_report(connection));
    if (told && told->listener && spec.linux.seccomp) {
        TRY(pass_listener(connection, told->listener, *spec.linux.seccomp, record.state,
                          record.state.pid));
        told = TRY(read_report(connection));
    }
    if (!told) return {};
    return fail(explain_failure(StepNames{record.program, record.steps}, told->report.op,
                                told->report.error_number));
}

// The filter of a hook, which nobody listens for: what would be asked is answered as the kernel
// answers where there is no listener (seccomp(2), SECCOMP_RET_USER_NOTIF).
std::optional<oci::Seccomp> without_listener(std::optional<oci::Seccomp> seccomp) {
    constexpr std::uint32_t kNoSuchCall = 38;  // ENOSYS
    if (!seccomp) return seccomp;
    seccomp->listener_path.clear();
    seccomp->listener_metadata.clear();
    std::erase(seccomp->flags, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
    if (seccomp->default_action == "SCMP_ACT_NOTIFY") {
        seccomp->default_action = "SCMP_ACT_ERRNO";
        seccomp->default_errno_ret = kNoSuchCall;
    }
    for (oci::SeccompSyscall& call : seccomp->syscalls) {
        if (call.action != "SCMP_ACT_NOTIFY") continue;
        call.action = "SCMP_ACT_ERRNO";
        call.errno_ret = kNoSuchCall;
    }
    return seccomp;
}

Result<> end(const oci::ContainerRecord& record) {
    TRY(signal_process(record.state.pid, record.start_time, SIGKILL));
    TRY(wait_gone(record.state.pid, record.start_time, kDeadline));
    return {};
}

// Nothing can be executed: what waited ends, as if its program had ended at once. The specification
// has an error here; callers and the suites go by what runc's and crun's kin do (conformance.md).
Result<std::vector<std::string>> start_nothing(const oci::ContainerRecord& record, int connection) {
    TRY(sys::write_all(connection, "s", "the start socket"));
    (void)TRY(read_report(connection));
    TRY(wait_gone(record.state.pid, record.start_time, kDeadline));
    return std::vector<std::string>{
        "container \"" + record.state.id +
        "\" has no 'process' in its configuration: nothing was started, and it has stopped"};
}

}  // namespace

Result<std::vector<std::string>> start(Store& store, const std::string& id, const HostFacts& facts,
                                       const oci::RuntimeSpec* given) {
    sys::UniqueFd lock = TRY(store.lock(id));
    oci::ContainerRecord record = TRY(look_up(store, id, facts));
    if (record.state.status != oci::Status::created)
        return fail(Code::failed_precondition, "cannot start container \"" + id + "\": it is " +
                                                   std::string(name_of(record.state.status)));
    oci::RuntimeSpec recorded;
    if (given == nullptr) recorded = TRY(store.read_spec(id));
    const oci::RuntimeSpec& spec = given == nullptr ? recorded : *given;
    sys::UniqueFd connection = TRY(sys::connect_unix(store.dir(id) + "/start"));
    // The process says that it has taken the connection: what goes wrong from here on is heard.
    if (!TRY(read_report(connection.get())))
        return fail(Code::failed_precondition, "the process of container \"" + id + "\" is gone");
    if (!spec.has_process) {
        auto told = start_nothing(record, connection.get());
        (void)sys::remove_file(store.dir(id) + "/start");
        return told;
    }
    // Its path leads into the container: it is the image's program.
    InsideHook where{spec.process.env, "/", spec.process.user.uid, spec.process,
                     without_listener(spec.linux.seccomp)};
    auto done =
        run_hooks_inside(spec.hooks.start_container, "startContainer", where, record.state, facts);
    if (!done) {
        Error error = std::move(done).error();
        if (auto ended = end(record); !ended) error = std::move(error).with_cleanup(ended.error());
        return fail(std::move(error));
    }
    crash_point("oci.start.before_word");
    done = execute(record, spec, connection.get());
    crash_point("oci.start.after_word");
    (void)sys::remove_file(store.dir(id) + "/start");
    TRY(std::move(done));
    record.state.status = oci::Status::running;
    done = run_hooks(spec.hooks.poststart, "poststart", record.state);
    if (done) return std::vector<std::string>{};
    // runtime.md 1.3: the container ends, and its poststop hooks are called.
    lock.reset();
    Error error = std::move(done).error();
    auto removed = remove(store, id, Force::yes, facts);
    if (!removed) error = std::move(error).with_cleanup(removed.error());
    return fail(std::move(error));
}

}  // namespace crank::runtime::oci_verbs
