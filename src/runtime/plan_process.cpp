// The process itself: its descriptors, rights and program.
#include <array>

#include "policy/policy.h"
#include "policy/seccomp.h"
#include "runtime/builder.h"
#include "runtime/seccomp_spec.h"

namespace crank::runtime {

using shim::OpKind;

namespace {

struct RlimitName {
    std::string_view name;
    std::uint64_t number;
};
// asm-generic/resource.h; the same numbers on every architecture that crank builds for.
constexpr std::array<RlimitName, 16> kRlimits{{{"RLIMIT_CPU", 0},
                                               {"RLIMIT_FSIZE", 1},
                                               {"RLIMIT_DATA", 2},
                                               {"RLIMIT_STACK", 3},
                                               {"RLIMIT_CORE", 4},
                                               {"RLIMIT_RSS", 5},
                                               {"RLIMIT_NPROC", 6},
                                               {"RLIMIT_NOFILE", 7},
                                               {"RLIMIT_MEMLOCK", 8},
                                               {"RLIMIT_AS", 9},
                                               {"RLIMIT_LOCKS", 10},
                                               {"RLIMIT_SIGPENDING", 11},
                                               {"RLIMIT_MSGQUEUE", 12},
                                               {"RLIMIT_NICE", 13},
                                               {"RLIMIT_RTPRIO", 14},
                                               {"RLIMIT_RTTIME", 15}}};

Result<> add_rlimits(Builder& builder, const oci::Process& process) {
    for (const auto& limit : process.rlimits) {
        const RlimitName* found = nullptr;
        for (const auto& known : kRlimits)
            if (known.name == limit.type) found = &known;
        if (found == nullptr)
            return fail(Code::invalid_argument,
                        "process.rlimits: unknown limit '" + limit.type + "'");
        shim::Op& op = builder.add(OpKind::rlimit, "set " + limit.type);
        op.a = found->number;
        op.b = limit.soft;
        op.c = limit.hard;
    }
    return {};
}

void add_user(Builder& builder, const oci::User& user) {
    std::uint32_t groups = builder.array<std::uint32_t>(user.additional_gids);
    shim::Op& op = builder.add(OpKind::user, "become user " + std::to_string(user.uid) +
                                                 ", group " + std::to_string(user.gid));
    op.a = user.uid;
    op.b = user.gid;
    op.c = user.additional_gids.size();
    op.s1 = groups;
}

Result<> add_seccomp(Builder& builder, const std::optional<oci::Seccomp>& seccomp,
                     bool default_seccomp, policy::CapabilitySet bounding) {
    if (!seccomp && !default_seccomp) return {};
    auto program =
        seccomp ? TRY(compile_spec(*seccomp)) : TRY(policy::default_seccomp_program(bounding));
    auto instructions = program.instructions();
    std::uint32_t offset = builder.array(instructions);
    shim::Op& op =
        builder.add(OpKind::seccomp, "load the system call filter (" +
                                         std::to_string(instructions.size()) + " instructions)");
    op.s1 = offset;
    op.a = instructions.size();
    return {};
}

void add_exec(Builder& builder, const oci::Process& process) {
    std::uint32_t args = builder.list(process.args), env = builder.list(process.env);
    shim::Op& op = builder.add(OpKind::exec, "execute " + process.args.front());
    op.s1 = args;
    op.a = process.args.size();
    op.s2 = env;
    op.b = process.env.size();
}

}  // namespace

void plan_stdio(Builder& builder, const oci::Process& process, bool stdin_read) {
    Plan& plan = builder.plan();
    plan.terminal = process.terminal;
    if (process.terminal) {
        shim::Op& op = builder.add(OpKind::terminal, "open a terminal");
        op.a = process.console_rows;
        op.b = process.console_columns;
    } else {
        builder.add(OpKind::stdio, "connect input and output").fd =
            stdin_read ? plan.stdin_slot() : shim::kNoSlot;
    }
}

Result<> plan_process(Builder& builder, const oci::Process& process,
                      const std::optional<oci::Seccomp>& seccomp, bool default_seccomp, bool init) {
    if (process.args.empty() || process.args.front().empty())
        return fail(Code::invalid_argument, "process.args is empty: there is no program to run");
    auto bounding =
        TRY_IN(policy::capability_set(process.capabilities.bounding), "process.capabilities");
    auto effective =
        TRY_IN(policy::capability_set(process.capabilities.effective), "process.capabilities");
    auto permitted =
        TRY_IN(policy::capability_set(process.capabilities.permitted), "process.capabilities");
    auto inheritable =
        TRY_IN(policy::capability_set(process.capabilities.inheritable), "process.capabilities");
    auto ambient =
        TRY_IN(policy::capability_set(process.capabilities.ambient), "process.capabilities");

    TRY(add_rlimits(builder, process));
    builder.add(OpKind::umask, "set the umask").a = process.user.umask.value_or(022);
    // As root still: the directory may be closed to the user, who then may stay in it all the same.
    builder.add(OpKind::change_dir, "change to directory " + process.cwd).s1 =
        builder.text(process.cwd);
    // Without no_new_privileges a filter needs CAP_SYS_ADMIN: load it before that is given up.
    if (!process.no_new_privileges) TRY(add_seccomp(builder, seccomp, default_seccomp, bounding));
    builder.add(OpKind::bounding_set, "drop capabilities for good").a = bounding;
    add_user(builder, process.user);
    shim::Op& caps = builder.add(OpKind::capabilities, "set capabilities");
    caps.a = effective;
    caps.b = permitted;
    caps.c = inheritable;
    builder.add(OpKind::ambient_set, "set ambient capabilities").a = ambient;
    if (process.no_new_privileges) {
        builder.add(OpKind::no_new_privileges, "forbid new privileges");
        TRY(add_seccomp(builder, seccomp, default_seccomp, bounding));
    }
    if (init) builder.add(OpKind::init, "leave an init as the first process");
    add_exec(builder, process);
    return {};
}

Result<> plan_callers_process(Builder& builder, const oci::Process& process) {
    if (process.args.empty() || process.args.front().empty())
        return fail(Code::invalid_argument, "process.args is empty: there is no program to run");
    TRY(add_rlimits(builder, process));
    builder.add(OpKind::umask, "set the umask").a = process.user.umask.value_or(022);
    builder.add(OpKind::change_dir, "change to directory " + process.cwd).s1 =
        builder.text(process.cwd);
    if (process.no_new_privileges) builder.add(OpKind::no_new_privileges, "forbid new privileges");
    add_exec(builder, process);
    return {};
}

}  // namespace crank::runtime
