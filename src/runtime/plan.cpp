#include "runtime/plan.h"

#include <algorithm>
#include <array>
#include <optional>

#include "policy/sysctl.h"
#include "runtime/builder.h"

namespace crank::runtime {

using shim::OpKind;

namespace {

// clone(2), linux/sched.h: not included, because a plan sees no system header.
struct NamespaceKind {
    std::string_view type;
    std::uint64_t flag;
};
constexpr std::array<NamespaceKind, 6> kKinds{{{"mount", 0x00020000},
                                               {"cgroup", 0x02000000},
                                               {"uts", 0x04000000},
                                               {"ipc", 0x08000000},
                                               {"pid", 0x20000000},
                                               {"network", 0x40000000}}};

std::optional<std::uint64_t> flag_of(std::string_view type) {
    for (const auto& kind : kKinds)
        if (kind.type == type) return kind.flag;
    return std::nullopt;
}

constexpr std::uint64_t kNewCgroup = 0x02000000, kNewUser = 0x10000000;
constexpr std::uint64_t kOtherNamespaces =
    0x00020000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000;

}  // namespace

namespace {

constexpr std::uint64_t kNewPid = 0x20000000, kNewTime = 0x80;

// The first of its kind is joined; where it lies is the parent's business.
std::size_t add_joined(Plan& plan, const oci::Namespace& ns, std::uint64_t flag) {
    plan.joined.push_back({ns.type, ns.path, flag});
    return plan.joined.size() - 1;
}

std::string offset_line(const char* clock, const oci::ClockOffset& offset) {
    return std::string(clock) + " " + std::to_string(offset.seconds) + " " +
           std::to_string(offset.nanoseconds) + "\n";
}

}  // namespace

void enter_joined(Builder& builder, std::size_t index) {
    Plan& plan = builder.plan();
    const Plan::Joined& joined = plan.joined[index];
    shim::Op& op =
        builder.add(OpKind::set_namespace, "join the " + joined.type + " namespace " + joined.path);
    op.fd = plan.joined_slot(index);
    op.a = joined.flag;
}

// time_namespaces(7): offsets are written before the first process of the namespace exists.
void make_time_namespace(Builder& builder, const oci::RuntimeSpec& spec) {
    builder.add(OpKind::unshare, "make a time namespace").a = kNewTime;
    std::string offsets;
    if (spec.linux.monotonic_offset)
        offsets += offset_line("monotonic", *spec.linux.monotonic_offset);
    if (spec.linux.boottime_offset) offsets += offset_line("boottime", *spec.linux.boottime_offset);
    if (offsets.empty()) return;
    std::uint32_t path = builder.text("/proc/self/timens_offsets"), text = builder.text(offsets);
    shim::Op& op = builder.add(OpKind::write_file, "set the clocks of the time namespace");
    op.s1 = path;
    op.s2 = text;
}

// Of another container, which the engine shares.
bool is_engines(const oci::Namespace& ns) {
    return (ns.type == "pid" || ns.type == "ipc") && !ns.path.empty();
}

Result<> plan_before_clone(Builder& builder, const oci::RuntimeSpec& spec, const Given& given) {
    Plan& plan = builder.plan();
    for (const auto& ns : spec.linux.namespaces) {
        bool engines = ns.type == "user" || is_engines(ns);
        if (!given.hand_over && !engines) continue;
        bool joins = !ns.path.empty() || ns.type == "user";
        if (joins) {
            std::uint64_t flag = ns.type == "time"   ? kNewTime
                                 : ns.type == "user" ? kNewUser
                                                     : flag_of(ns.type).value_or(0);
            add_joined(plan, ns, flag);
        }
    }
    if (has_user_namespace(spec)) return {};  // plan_between
    if (!given.hand_over) {
        // The child can join any but the one that is decided at its birth (plan_namespaces).
        if (std::ranges::none_of(plan.joined,
                                 [](const Plan::Joined& one) { return one.flag == kNewPid; }))
            return {};
        // The monitor's own children, its guard, are none of the container's: a process between it
        // and the child joins.
        for (std::size_t i = 0; i < plan.joined.size(); ++i) enter_joined(builder, i);
        plan.between = plan.child.size();
        return {};
    }
    // Which of the two a process is in is decided at its birth.
    for (std::size_t i = 0; i < plan.joined.size(); ++i)
        if (plan.joined[i].flag == kNewPid || plan.joined[i].flag == kNewTime)
            enter_joined(builder, i);
    for (const auto& ns : spec.linux.namespaces)
        if (given.hand_over && ns.type == "time" && ns.path.empty())
            make_time_namespace(builder, spec);
    plan.before_clone = plan.child.size();
    return {};
}

Result<> plan_namespaces(Builder& builder, const oci::RuntimeSpec& spec, const Given& given) {
    Plan& plan = builder.plan();
    for (std::size_t i = 0; i < plan.joined.size() && plan.between == 0; ++i)
        if (plan.joined[i].flag != kNewPid && plan.joined[i].flag != kNewTime)
            enter_joined(builder, i);
    for (const auto& ns : spec.linux.namespaces) {
        auto flag = flag_of(ns.type);
        if (ns.type == "user") continue;  // plan_between
        if (given.hand_over && (ns.type == "time" || !ns.path.empty())) continue;
        if (is_engines(ns)) continue;  // joined above, or by plan_before_clone
        if (!flag)
            return fail(Code::unsupported,
                        "linux.namespaces: a " + ns.type + " namespace is not supported yet");
        if (!ns.path.empty())
            return fail(Code::unsupported, "linux.namespaces: joining the " + ns.type +
                                               " namespace " + ns.path + " is not supported yet");
        if (ns.type == "cgroup") {
            // Not at the clone: the namespace's root is the group of the process that makes it, so
            // it comes after the process has joined its own.
            builder.add(OpKind::unshare, "make a cgroup namespace").a = *flag;
        } else if (ns.type == "network" && given.network_namespace) {
            shim::Op& op = builder.add(OpKind::set_namespace, "enter the network namespace");
            op.fd = plan.network_slot();
            op.a = *flag;
            op.b = 1;
        } else {
            plan.clone_flags |= *flag;
            if (ns.type == "network") builder.add(OpKind::loopback_up, "bring lo up");
        }
    }
    return {};
}

namespace {

bool has_namespace(const oci::RuntimeSpec& spec, std::string_view type) {
    for (const auto& ns : spec.linux.namespaces)
        if (ns.type == type) return true;
    return false;
}

void drop_mknod(oci::CapabilitySets& sets) {
    for (auto* names :
         {&sets.bounding, &sets.effective, &sets.permitted, &sets.inheritable, &sets.ambient})
        std::erase(*names, "CAP_MKNOD");
}

// Through the host's /proc, which shows the namespaces of whoever opens it: before the root.
Result<> plan_sysctls(Builder& builder, const oci::RuntimeSpec& spec) {
    policy::OwnNamespaces own{has_namespace(spec, "ipc"), has_namespace(spec, "network"),
                              has_namespace(spec, "uts")};
    for (const auto& [name, value] : spec.linux.sysctl) {
        TRY_IN(policy::check_sysctl(name, own), "linux.sysctl");
        std::string path = "/proc/sys/" + name;
        for (char& c : path)
            if (c == '.') c = '/';
        shim::Op& op = builder.add(OpKind::write_file, "set sysctl " + name + " to " + value);
        op.s1 = builder.text(path);
        op.s2 = builder.text(value);
    }
    return {};
}

// The host's own names are not the container's to set.
Result<> check_names(const oci::RuntimeSpec& spec) {
    if (has_namespace(spec, "uts")) return {};
    for (const auto& [field, name] :
         {std::pair("hostname", &spec.hostname), std::pair("domainname", &spec.domainname)})
        if (!name->empty())
            return fail(Error(Code::invalid_argument,
                              std::string(field) + ": '" + *name +
                                  "' would be the host's: there is no UTS namespace")
                            .with_hint(R"(add {"type": "uts"} to linux.namespaces)"));
    return {};
}

void add_names(Builder& builder, const oci::RuntimeSpec& spec, const Given& given) {
    if (!given.keyring.empty())
        builder.add(OpKind::session_keyring, "make a session keyring").s1 =
            builder.text(given.keyring);
    if (!spec.hostname.empty())
        builder.add(OpKind::hostname, "set the host name " + spec.hostname).s1 =
            builder.text(spec.hostname);
    if (!spec.domainname.empty())
        builder.add(OpKind::domain_name, "set the domain name " + spec.domainname).s1 =
            builder.text(spec.domainname);
}

// What is executed, behind all that was set up.
Result<> plan_program(Builder& builder, const oci::RuntimeSpec& spec, const Options& options,
                      const HostFacts& facts, const Given& given) {
    const Plan& plan = builder.plan();
    plan_stdio(builder, spec.process, {given.stdin_read, given.hand_over, given.plain_lines});
    if (options.keep_rights) return plan_callers_process(builder, spec.process);
    oci::Process process = spec.process;
    if (!controls_devices(facts, spec.linux.cgroups_path)) drop_mknod(process.capabilities);
    plan_personality(builder, spec.linux.personality);
    TRY(plan_memory_policy(builder, spec.linux.memory_policy));
    HandOver hand_over{given.hand_over,
                       !spec.has_process,
                       given.start_socket ? plan.start_socket_slot() : shim::kNoSlot,
                       plan.first_preserved_slot(),
                       given.preserved_fds,
                       given.missing_fds,
                       has_user_namespace(spec)};
    return plan_process(builder, process, spec.linux.seccomp, options.default_seccomp, options.init,
                        hand_over, "", options.confinement);
}

}  // namespace

Result<Plan> plan(const oci::RuntimeSpec& wanted, const Rootfs& rootfs, const Options& options,
                  const HostFacts& facts, const Given& given) {
    Plan plan;
    Builder builder(plan);
    TRY(check_user_namespace(wanted, given));
    bool mapped = has_user_namespace(wanted);
    oci::RuntimeSpec changed;
    bool shares = shares_mounts(wanted, given);
    if (shares) TRY(check_shared_mounts(wanted));
    bool change = needs_other_mounts(wanted, facts) || shares;
    if (change) changed = with_other_mounts(wanted, facts);
    if (shares) drop_private(changed.mounts);
    const oci::RuntimeSpec& spec = change ? changed : wanted;
    // The slots are numbered from the count of binds on, which the steps before plan_root use.
    std::size_t bind_count = TRY(count_binds(spec, facts, given));
    plan.binds.resize(bind_count);
    plan.listeners = options.ports.size() + (options.resolves ? 2 : 0);

    if (options.keep_rights && !spec.linux.namespaces.empty())
        return fail(Code::invalid_argument,
                    "a process in namespaces cannot keep its caller's rights");
    TRY(plan_before_clone(builder, spec, given));
    TRY(mapped ? plan_between(builder, spec, facts, given) : plan_cgroups(builder, spec, facts));
    TRY(plan_namespaces(builder, spec, given));
    TRY(check_names(spec));
    add_names(builder, spec, given);
    TRY(plan_sysctls(builder, spec));
    if (!mapped) add_oom_score(builder, spec.process);
    TRY(plan_root(builder, spec, rootfs, options, facts, given));
    if (plan.binds.size() != bind_count || builder.next_bind() != bind_count)
        return fail(Code::internal, "bind mounts were miscounted");
    if (given.wait_for_own_hooks)
        builder.add(OpKind::sync, "wait for the hooks inside").fd = plan.gate_slot();
    if (options.gate) builder.add(OpKind::gate, "wait for the network").fd = plan.gate_slot();
    TRY(plan_program(builder, spec, options, facts, given));
    return plan;
}

namespace {

void enter_by_pidfd(Builder& builder, const char* what, std::uint64_t namespaces) {
    shim::Op& op = builder.add(OpKind::set_namespace, what);
    op.fd = builder.plan().network_slot();
    op.a = namespaces;
}

// The joiner's own steps, in the host's mount namespace: the cgroup files lie there.
Result<> plan_before_join(Builder& builder, const oci::Process& process, const JoinFacts& join,
                          const HostFacts& facts) {
    if (facts.cgroup_mode == CgroupMode::v1 && !join.cgroups_path.empty())
        for (const auto& dir : v1_dirs_to_join(facts, join))
            builder.add(OpKind::join_cgroup, "join cgroup " + dir).s1 =
                builder.text(entry_of(facts, dir));
    if (join.user_namespace) {
        TRY(check_mapped(process.user, {join.uid_mappings, join.gid_mappings}));
        TRY(plan_hosts_rights(builder, process));
    } else {
        add_oom_score(builder, process);  // through the host's /proc
    }
    enter_by_pidfd(
        builder, "enter the container's namespaces",
        kOtherNamespaces | (join.hand_over ? kNewTime : 0) | (join.user_namespace ? kNewUser : 0));
    builder.plan().before_clone = builder.plan().child.size();
    return {};
}

// Not before the clone: from inside that namespace the joiner's own group is out of sight, and
// where the hierarchy is mounted with nsdelegate (systemd does) CLONE_INTO_CGROUP then fails with
// ENOENT.
void enter_cgroup_namespace(Builder& builder, const JoinFacts& join) {
    if (!join.cgroup_namespace) return;
    const char* what = "enter the container's cgroup namespace";
    if (!join.user_namespace) return enter_by_pidfd(builder, what, kNewCgroup);
    // By its own file: by the pidfd the kernel asks for rights to the process, whose memory is the
    // host's while it is crank's init.
    Plan& plan = builder.plan();
    shim::Op& op = builder.add(OpKind::set_namespace, what);
    op.fd = plan.joined_slot(add_joined(plan, {"cgroup", ""}, kNewCgroup));
    op.a = kNewCgroup;
}

// Entering a mount namespace gives that one's root, which would be the host's.
Result<> take_shared_root(Builder& builder, const oci::Process& process, const JoinFacts& join) {
    if (!join.shares_mounts) return {};
    TRY(check_shared_rights(process.capabilities, "process.capabilities"));
    builder.add(OpKind::change_root, "take the root of the container's process").fd =
        builder.plan().joined_slot(0);
    return {};
}

}  // namespace

Result<Plan> plan_join(const oci::Process& process, const std::optional<oci::Seccomp>& seccomp,
                       const JoinFacts& join, const HostFacts& facts) {
    Plan plan;
    Builder builder(plan);
    if (join.shares_mounts) plan.joined.push_back({"root", "", 0});
    // Of a container without groups of its own `crank oci exec` joins none.
    if (!join.hand_over || !join.cgroups_path.empty()) TRY(check_cgroups_path(join.cgroups_path));
    TRY(plan_before_join(builder, process, join, facts));
    if (join.user_namespace) take_mapped_ids(builder, {join.uid_mappings, join.gid_mappings});
    enter_cgroup_namespace(builder, join);
    TRY(take_shared_root(builder, process, join));
    if (!join.keyring.empty())
        builder.add(OpKind::session_keyring, "make a session keyring").s1 =
            builder.text(join.keyring);
    plan_stdio(builder, process, {join.stdin_read, join.hand_over, join.plain_lines});
    plan_personality(builder, join.personality);
    TRY(plan_memory_policy(builder, join.memory_policy));
    oci::Process rights = process;
    if (!controls_devices(facts, join.cgroups_path)) drop_mknod(rights.capabilities);
    HandOver hand_over{join.hand_over,      false,
                       shim::kNoSlot,       plan.first_preserved_slot(),
                       join.preserved_fds,  join.missing_fds,
                       join.user_namespace, plan.start_socket_slot()};
    TRY(plan_process(builder, rights, seccomp, join.default_seccomp, false, hand_over, "",
                     join.confinement));
    return plan;
}

Result<Plan> plan_hook(const oci::Hook& hook, const InsideHook& where, const JoinFacts& join) {
    Plan plan;
    Builder builder(plan);
    shim::Op& enter = builder.add(OpKind::set_namespace, "enter the container's namespaces");
    enter.fd = plan.network_slot();
    // A hook is a program of the container's where its path leads into that: never with the rights
    // of the host's root where the container has ids of its own.
    enter.a = kOtherNamespaces | (join.user_namespace ? kNewUser : 0);
    plan.before_clone = plan.child.size();
    // Not what lies over it in the mount namespace: before the container's process has entered its
    // root, a hook has the host's.
    builder.add(OpKind::change_root, "take the root of the container's process").fd =
        plan.start_socket_slot();
    if (join.user_namespace) take_mapped_ids(builder, {join.uid_mappings, join.gid_mappings});
    builder.add(OpKind::stdio, "connect input and output").fd = plan.stdin_slot();
    oci::Process process = where.rights.value_or(oci::Process());
    process.terminal = false;
    process.args = hook.args.empty() ? std::vector<std::string>{hook.path} : hook.args;
    process.env = hook.env.empty() ? where.env : hook.env;
    process.cwd = where.cwd;
    if (where.home_of && hook.env.empty() && !has_home(process))
        builder.add(OpKind::find_home, "look for the home directory").a = *where.home_of;
    if (!where.rights) {
        process.no_new_privileges = false;
        TRY(plan_callers_process(builder, process, hook.path));
        return plan;
    }
    // It is in none of the container's groups, where its devices are listed.
    drop_mknod(process.capabilities);
    TRY(plan_process(builder, process, where.seccomp, where.default_seccomp, false, {}, hook.path));
    return plan;
}

std::string Plan::describe() const {
    std::string out;
    for (const auto& dir : cgroup_dirs) out += "create cgroup " + dir + "\n";
    for (const auto& write : cgroup_writes) {
        out += "write '" + write.value + "' to " + write.file;
        if (!write.controller.empty()) out += " (" + write.controller + ")";
        out += "\n";
    }
    for (const auto& bind : binds)
        out += bind.layers ? "mount the layers below " + bind.source + ", their ids mapped\n"
                           : "open " + bind.source + " as a detached mount\n";
    for (const auto& step : child) out += step.description + "\n";
    return out;
}

}  // namespace crank::runtime
