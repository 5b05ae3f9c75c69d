#include "shim/child.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "shim/kernel.h"
#include "shim/ops.h"

namespace crank::shim {
namespace {

int set_limit(const Op& op) {
    rlimit limit{static_cast<rlim_t>(op.b), static_cast<rlim_t>(op.c)};
    return setrlimit(static_cast<int>(op.a), &limit) != 0 ? errno : 0;
}

int perform_mount(const PlanView& plan, const ChildIo& io, const Op& op, Root& root) {
    switch (op.kind) {
        case OpKind::isolate_mounts: return isolate_mounts(op, root);
        case OpKind::mount_overlay: return mount_overlay(plan, op);
        case OpKind::open_root: {
            int error = open_root(plan, op, root);
            mark(plan, Moment::root_ready);
            return error;
        }
        case OpKind::attach_root: {
            int error = attach_root(op, root);
            mark(plan, Moment::root_ready);
            return error;
        }
        case OpKind::copy_root: {
            int error = copy_root(plan, op, root);
            mark(plan, Moment::root_ready);
            return error;
        }
        case OpKind::enter_copy: {
            int error = enter_copy(root);
            mark(plan, Moment::mounts_ready);
            return error;
        }
        case OpKind::change_root: return change_root(op);
        case OpKind::make_dir: return make_dir(plan, op, root);
        case OpKind::mount_fs: return mount_fs(plan, op, root);
        case OpKind::open_bind: return open_bind(plan, op, root);
        case OpKind::attach_mount: return attach_mount(plan, op, root);
        case OpKind::make_node: return make_node(plan, op, root);
        case OpKind::make_link: return make_link(plan, op, root);
        case OpKind::mask_path: return mask_path(plan, op, root);
        case OpKind::readonly_path: return readonly_path(plan, op, root);
        case OpKind::pivot_root: {
            int error = enter_root(root);
            mark(plan, Moment::mounts_ready);
            return error;
        }
        case OpKind::root_readonly: return make_root_readonly();
        case OpKind::lock_mounts: return lock_mounts(io, root);
        case OpKind::bind_root: return bind_root(plan, op);
        case OpKind::bind_descriptor: return bind_descriptor(plan, op);
        case OpKind::propagation: return set_propagation(plan, op, root);
        default: return ENOSYS;
    }
}

int set_name(long call, const char* name) {
    return syscall(call, name, strlen(name)) != 0 ? errno : 0;
}

int join_session_keyring(const char* name) {
    constexpr int kJoinSessionKeyring = 1;  // keyctl(2)
    if (syscall(SYS_keyctl, kJoinSessionKeyring, name) >= 0) return 0;
    return errno == ENOSYS ? 0 : errno;  // a kernel without keyrings has none to read
}

int set_memory_policy(const PlanView& plan, const Op& op) {
    const char* mask = op.b != 0 ? plan.text(op.s1) : nullptr;
    return syscall(SYS_set_mempolicy, op.a, mask, op.b) != 0 ? errno : 0;
}

// What it runs with.
int perform_rights(const PlanView& plan, ChildIo& io, const Op& op, Root& root) {
    switch (op.kind) {
        case OpKind::oom_score: return write_file("/proc/self/oom_score_adj", plan.text(op.s1));
        case OpKind::rlimit: return set_limit(op);
        case OpKind::umask: umask(static_cast<mode_t>(op.a)); return 0;
        case OpKind::bounding_set: return set_bounding(op.a);
        case OpKind::user: return set_user(plan, op);
        case OpKind::capabilities: return set_capabilities(op.a, op.b, op.c);
        case OpKind::ambient_set: return set_ambient(op.a);
        case OpKind::no_new_privileges:
            return syscall(SYS_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0) != 0 ? errno : 0;
        case OpKind::seccomp: return set_seccomp(plan, op, io);
        case OpKind::landlock: return enter_landlock(plan, op);
        case OpKind::scheduler:
            return syscall(SYS_sched_setattr, 0, plan.text(op.s1), 0) != 0 ? errno : 0;
        case OpKind::memory_policy: return set_memory_policy(plan, op);
        case OpKind::io_priority:
            return syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, op.a) != 0 ? errno : 0;
        case OpKind::cpu_affinity:
            return syscall(SYS_sched_setaffinity, 0, op.a, plan.text(op.s1)) != 0 ? errno : 0;
        case OpKind::personality: return syscall(SYS_personality, op.a) == -1 ? errno : 0;
        default: return perform_mount(plan, io, op, root);
    }
}

int wait_and_report(const PlanView& plan, ChildIo& io, const Op& op) {
    int error = report_reached(io, plan.index_of(op));
    return error != 0 ? error : wait_gate(PlanView::slot(op.fd));
}

// What it waits for, what it is connected to, and the program itself.
int perform_program(const PlanView& plan, ChildIo& io, const Op& op, Root& root) {
    switch (op.kind) {
        case OpKind::gate: {
            int error = wait_gate(PlanView::slot(op.fd));
            mark(plan, Moment::gate_passed);
            return error;
        }
        case OpKind::terminal:
            // A socket of the caller's has no monitor behind it.
            if (op.fd >= 0) return open_terminal(plan, op, PlanView::slot(op.fd), nullptr);
            return open_terminal(plan, op, io.terminal_socket, &io.terminal_master);
        case OpKind::stdio: return connect_stdio(plan, op, io);
        case OpKind::give_output: return give_output(op, io);
        case OpKind::change_dir: return change_dir(plan.text(op.s1));
        case OpKind::init: return become_init(plan, io);
        case OpKind::exec: return execute(plan, op);
        case OpKind::sync: return wait_and_report(plan, io, op);
        case OpKind::find_home: return find_home(op);
        case OpKind::find_program: return find_program(plan, op);
        case OpKind::await_start: return await_start(plan, op, io);
        default: return perform_rights(plan, io, op, root);
    }
}

// Where it belongs; and what is none of that.
int perform_one(const PlanView& plan, ChildIo& io, const Op& op, Root& root) {
    switch (op.kind) {
        case OpKind::join_cgroup: return write_file(plan.text(op.s1), "0");
        case OpKind::set_namespace:
            if (syscall(SYS_setns, PlanView::slot(op.fd), op.a) != 0) return errno;
            if (op.b != 0) close(PlanView::slot(op.fd));
            return 0;
        case OpKind::unshare:
            mark(plan, Moment::cgroups_joined);
            return syscall(SYS_unshare, op.a) != 0 ? errno : 0;
        case OpKind::mapped_root: return become_mapped_root(op);
        case OpKind::raise_limit: return raise_limit(op);
        case OpKind::loopback_up: return loopback_up();
        case OpKind::hostname: return set_name(SYS_sethostname, plan.text(op.s1));
        case OpKind::domain_name: return set_name(SYS_setdomainname, plan.text(op.s1));
        case OpKind::session_keyring: return join_session_keyring(plan.text(op.s1));
        case OpKind::write_file: return write_file(plan.text(op.s1), plan.text(op.s2));
        default: return perform_program(plan, io, op, root);
    }
}

}  // namespace

int perform(const PlanView& plan, ChildIo& io, uint32_t first, uint32_t last, uint32_t& failed) {
    Root root;
    for (uint32_t i = first; i < last; ++i) {
        int error = perform_one(plan, io, plan.op(i), root);
        if (error != 0) {
            failed = i;
            return error;
        }
    }
    return 0;
}

namespace {

[[noreturn]] void fail_to_begin(const ChildIo& io) {
    Report failure{static_cast<uint32_t>(own_step(OwnStep::clone)), errno};
    (void)!write(io.report_write, &failure, sizeof failure);
    _exit(127);
}

}  // namespace

void run_child(const PlanView& plan, ChildIo io) {
    mark(plan, Moment::in_child);
    // The monitor blocks every signal; the worker starts with none blocked and none ignored.
    for (int number = 1; number < 65; ++number) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    setsid();
    umask(0);
    // Before any filter, which may know nothing of close_range; what is opened later is
    // close-on-exec by itself.
    if (close_range(3, ~0u, kCloseRangeCloexec) != 0) fail_to_begin(io);
    if ((plan.header->flags & kFlagHandOver) != 0) {
        // Out of the way of the descriptors that the program is handed.
        int high = fcntl(io.report_write, F_DUPFD_CLOEXEC,
                         kFirstSlot + static_cast<int>(plan.header->slot_count));
        if (high < 0) fail_to_begin(io);
        close(io.report_write);
        io.report_write = high;
        // The end of the shim is seen by the end of this socket.
        close(kControlFd);
    }

    Report report{};
    report.error_number = perform(plan, io, plan.header->before_clone + plan.header->between,
                                  plan.header->op_count, report.op);
    // Only a failure comes here: the last op is exec.
    (void)!write(io.report_write, &report, sizeof report);
    _exit(127);
}

}  // namespace crank::shim
