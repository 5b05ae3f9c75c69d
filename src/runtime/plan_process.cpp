// The process itself: its descriptors, rights and program.
#include <algorithm>
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
                     bool default_seccomp, policy::CapabilitySet bounding,
                     const HandOver& hand_over, bool strict) {
    if (!seccomp && !default_seccomp) return {};
    auto built_in = [&]() -> Result<policy::SeccompProgram> {
        if (strict) return policy::SeccompProgram(policy::strict_seccomp_program());
        return policy::default_seccomp_program(bounding);
    };
    auto filter =
        seccomp ? TRY(compile_spec(*seccomp)) : LoadedFilter{TRY(built_in()), 0, false, {}};
    if (filter.listens && !hand_over.on)
        return fail(Code::unsupported,
                    "linux.seccomp.listenerPath: nobody is there who could pass the listener on");
    auto instructions = filter.program.instructions();
    std::uint32_t offset = builder.array(instructions);
    shim::Op& op =
        builder.add(OpKind::seccomp, "load the system call filter (" +
                                         std::to_string(instructions.size()) + " instructions)");
    op.s1 = offset;
    op.a = instructions.size();
    op.b = filter.flags;
    op.c = filter.listens ? 1 : 0;
    op.fd = filter.listens ? hand_over.listener_slot : shim::kNoSlot;
    return {};
}

void add_landlock(Builder& builder, const Confinement& confinement) {
    std::vector<std::uint32_t> numbers(confinement.bind_ports.begin(),
                                       confinement.bind_ports.end());
    std::uint32_t ports = builder.array<std::uint32_t>(numbers);
    std::uint32_t paths = builder.list(confinement.writable);
    std::string what;
    for (const std::string& path : confinement.writable) what += " " + path;
    for (std::uint32_t port : numbers) what += " tcp:" + std::to_string(port);
    shim::Op& op = builder.add(OpKind::landlock,
                               "confine by Landlock, but for" + (what.empty() ? " nothing" : what));
    op.s1 = ports;
    op.a = numbers.size();
    op.s2 = paths;
    op.b = confinement.writable.size();
}

void add_exec(Builder& builder, const oci::Process& process, const HandOver& hand_over = {},
              const std::string& program = "") {
    std::uint32_t args = builder.list(process.args), env = builder.list(process.env),
                  path = builder.text(program);
    std::string name = !program.empty()       ? program
                       : process.args.empty() ? "the program: the configuration has no 'process'"
                                              : process.args.front();
    shim::Op& op = builder.add(OpKind::exec, "execute " + name);
    op.s1 = args;
    op.a = process.args.size();
    op.s2 = env;
    op.b = process.env.size();
    op.s3 = path;
    op.fd = hand_over.first_preserved_slot;
    op.c = hand_over.preserved_fds;
    if (hand_over.preserved_fds == 0) return;
    constexpr std::uint32_t kBits = 64;
    std::vector<std::uint64_t> bits((hand_over.preserved_fds + kBits - 1) / kBits);
    for (std::uint32_t i : hand_over.missing_fds)
        if (i < hand_over.preserved_fds) bits[i / kBits] |= std::uint64_t{1} << i % kBits;
    op.s4 = builder.array(std::span<const std::uint64_t>(bits));
}

// The last point at which a filter of the container's cannot forbid what waiting takes. What can be
// known before the start is found out here, so that `create` fails and not `start`.
void add_wait(Builder& builder, const oci::Process& process, const HandOver& hand_over) {
    if (!hand_over.on) return;
    if (!hand_over.no_program) {
        std::uint32_t args = builder.list(process.args), env = builder.list(process.env);
        shim::Op& find = builder.add(OpKind::find_program, "find " + process.args.front());
        find.s1 = args;
        find.a = process.args.size();
        find.s2 = env;
        find.b = process.env.size();
    }
    if (hand_over.start_socket_slot != shim::kNoSlot)
        builder.add(OpKind::await_start, "wait to be started").fd = hand_over.start_socket_slot;
}

}  // namespace

void plan_personality(Builder& builder, const std::optional<std::string>& personality) {
    if (!personality) return;
    constexpr std::uint64_t kLinux = 0, kLinux32 = 8;  // personality(2)
    builder.add(OpKind::personality, "set the personality " + *personality).a =
        *personality == "LINUX32" ? kLinux32 : kLinux;
}

bool has_home(const oci::Process& process) {
    return std::ranges::any_of(process.env,
                               [](const auto& entry) { return entry.starts_with("HOME="); });
}

void add_oom_score(Builder& builder, const oci::Process& process) {
    if (!process.oom_score_adj) return;
    std::string value = std::to_string(*process.oom_score_adj);
    builder.add(OpKind::oom_score, "set oom_score_adj to " + value).s1 = builder.text(value);
}

Result<> plan_hosts_rights(Builder& builder, const oci::Process& process) {
    add_oom_score(builder, process);
    // Their final values come later: the set-up itself needs open files.
    std::size_t first = builder.plan().child.size();
    TRY(add_rlimits(builder, process));
    for (std::size_t i = first; i < builder.plan().child.size(); ++i) {
        builder.plan().child[i].op.kind = OpKind::raise_limit;
        builder.plan().child[i].description =
            "allow the host's part of: " + builder.plan().child[i].description;
    }
    return add_scheduler(builder, process);
}

void plan_stdio(Builder& builder, const oci::Process& process, const Stdio& stdio) {
    Plan& plan = builder.plan();
    std::uint64_t given_to = stdio.hand_over ? std::uint64_t{process.user.uid} + 1 : 0;
    plan.terminal = process.terminal;
    if (process.terminal) {
        std::uint32_t plain = builder.text(stdio.plain_lines ? "1" : "");
        shim::Op& op = builder.add(OpKind::terminal, "open a terminal");
        op.s1 = plain;
        op.a = process.console_rows;
        op.b = process.console_columns;
        op.c = given_to;
        if (stdio.hand_over) op.fd = plan.console_slot();
    } else {
        shim::Op& op = builder.add(OpKind::stdio, "connect input and output");
        op.fd = stdio.stdin_read ? plan.stdin_slot() : shim::kNoSlot;
        op.c = given_to;
        if (stdio.hand_over) op.a = std::uint64_t{process.user.gid} + 1;
    }
}

namespace {

// Capabilities as masks.
struct Sets {
    std::uint64_t bounding, effective, permitted, inheritable, ambient;
};

Result<Sets> sets_of(const oci::CapabilitySets& names) {
    return Sets{
        TRY(policy::capability_set(names.bounding)), TRY(policy::capability_set(names.effective)),
        TRY(policy::capability_set(names.permitted)),
        TRY(policy::capability_set(names.inheritable)), TRY(policy::capability_set(names.ambient))};
}

}  // namespace

Result<> plan_process(Builder& builder, const oci::Process& process,
                      const std::optional<oci::Seccomp>& seccomp, bool default_seccomp, bool init,
                      const HandOver& hand_over, const std::string& program,
                      const std::optional<Confinement>& confinement) {
    if (!hand_over.no_program && (process.args.empty() || process.args.front().empty()))
        return fail(Code::invalid_argument, "process.args is empty: there is no program to run");
    Sets sets = TRY_IN(sets_of(process.capabilities), "process.capabilities");

    if (hand_over.on) TRY(add_cpu_affinity(builder, process));
    if (!hand_over.rights_taken) TRY(add_scheduler(builder, process));
    TRY(add_rlimits(builder, process));
    builder.add(OpKind::umask, "set the umask").a = process.user.umask.value_or(022);
    if (hand_over.on && !has_home(process))
        builder.add(OpKind::find_home, "look for the home directory").a = process.user.uid;
    // As root still: the directory may be closed to the user, who then may stay in it all the same.
    builder.add(OpKind::change_dir, "change to directory " + process.cwd).s1 =
        builder.text(process.cwd);
    add_wait(builder, process, hand_over);
    // While it still has CAP_SYS_ADMIN, and may open whatever is named to it.
    if (confinement) add_landlock(builder, *confinement);
    bool strict = confinement.has_value();
    // Without no_new_privileges a filter needs CAP_SYS_ADMIN: load it before that is given up.
    if (!process.no_new_privileges)
        TRY(add_seccomp(builder, seccomp, default_seccomp, sets.bounding, hand_over, strict));
    builder.add(OpKind::bounding_set, "drop capabilities for good").a = sets.bounding;
    add_user(builder, process.user);
    shim::Op& caps = builder.add(OpKind::capabilities, "set capabilities");
    caps.a = sets.effective;
    caps.b = sets.permitted;
    caps.c = sets.inheritable;
    builder.add(OpKind::ambient_set, "set ambient capabilities").a = sets.ambient;
    if (process.no_new_privileges) {
        builder.add(OpKind::no_new_privileges, "forbid new privileges");
        TRY(add_seccomp(builder, seccomp, default_seccomp, sets.bounding, hand_over, strict));
    }
    if (init) builder.add(OpKind::init, "leave an init as the first process");
    add_exec(builder, process, hand_over, program);
    return {};
}

Result<> plan_callers_process(Builder& builder, const oci::Process& process,
                              const std::string& program) {
    if (process.args.empty() || process.args.front().empty())
        return fail(Code::invalid_argument, "process.args is empty: there is no program to run");
    TRY(add_rlimits(builder, process));
    builder.add(OpKind::umask, "set the umask").a = process.user.umask.value_or(022);
    builder.add(OpKind::change_dir, "change to directory " + process.cwd).s1 =
        builder.text(process.cwd);
    if (process.no_new_privileges) builder.add(OpKind::no_new_privileges, "forbid new privileges");
    add_exec(builder, process, {}, program);
    return {};
}

}  // namespace crank::runtime
