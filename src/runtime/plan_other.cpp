// Containers of another OCI runtime: what crank does around that one's commands.
#include <algorithm>

#include "runtime/builder.h"

namespace crank::runtime {

using shim::OpKind;

namespace {

constexpr std::uint64_t kNewMount = 0x00020000;  // linux/sched.h

// What the runtime's program finds: the caller's own variables are none of its business.
const std::vector<std::string>& environment() {
    static const std::vector<std::string> kEnvironment = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
    return kEnvironment;
}

oci::Process command_process(const std::vector<std::string>& words, const std::string& dir) {
    oci::Process process;
    process.args = words;
    process.env = environment();
    process.cwd = dir;
    process.no_new_privileges = false;
    return process;
}

// The groups are made and limited by crank as always, so that its checks and its words count; the
// runtime finds them empty, and puts the container into them.
Result<> plan_groups(Builder& builder, const oci::RuntimeSpec& spec, const HostFacts& facts) {
    TRY(plan_cgroups(builder, spec, facts));
    std::erase_if(builder.plan().child,
                  [](const Step& step) { return step.op.kind == OpKind::join_cgroup; });
    return {};
}

void bind_namespaces(Builder& builder, const oci::RuntimeSpec& spec) {
    Plan& plan = builder.plan();
    for (const auto& ns : spec.linux.namespaces)
        if (!ns.path.empty()) plan.joined.push_back({ns.type, ns.path});
    for (std::size_t i = 0; i < plan.joined.size(); ++i) {
        const Plan::Joined& joined = plan.joined[i];
        std::uint32_t path = builder.text(joined.path);
        shim::Op& op = builder.add(OpKind::bind_descriptor,
                                   "show the " + joined.type + " namespace as " + joined.path);
        op.fd = plan.joined_slot(i);
        op.s1 = path;
    }
}

// They lie in memory, and are seen in this mount namespace alone.
void show_made_mounts(Builder& builder, const Given& given) {
    for (std::size_t i = 0; i < given.made_mounts.size(); ++i) {
        const std::string& place = given.made_mounts[i];
        std::uint32_t path = builder.text(place);
        shim::Op& op = builder.add(OpKind::bind_descriptor, "show a made mount as " + place);
        op.fd = static_cast<std::int32_t>(i);
        op.s1 = path;
        op.a = 1;
        builder.plan().binds[i].source = place;
    }
}

}  // namespace

Result<Plan> plan_other(const oci::RuntimeSpec& spec, const Rootfs& rootfs, const Options& options,
                        const HostFacts& facts, const Given& given, const OtherRuntime& other) {
    Plan plan;
    Builder builder(plan);
    if (has_user_namespace(spec))
        return fail(Code::unsupported,
                    "linux.namespaces: a user namespace with another runtime is not supported");
    plan.binds.resize(given.made_mounts.size());  // other slots come behind
    plan.listeners = options.ports.size() + (options.resolves ? 2 : 0);
    plan.clone_flags = kNewMount;
    TRY(plan_groups(builder, spec, facts));
    builder.add(OpKind::isolate_mounts, "detach the mounts from the host's");
    TRY(mount_layers(builder, spec, rootfs, options, facts, given));
    bind_namespaces(builder, spec);
    show_made_mounts(builder, given);
    if (options.gate) builder.add(OpKind::gate, "wait for the network").fd = plan.gate_slot();
    // Its terminal comes over a socket.
    oci::Process process = command_process(other.create, other.bundle);
    plan_stdio(builder, process, {.stdin_read = given.stdin_read});
    TRY(plan_callers_process(builder, process));
    return plan;
}

Result<Plan> plan_other_exec(const std::vector<std::string>& words, const oci::Process& wanted,
                             bool stdin_read) {
    Plan plan;
    Builder builder(plan);
    oci::Process process = command_process(words, "/");
    process.terminal = wanted.terminal;
    process.console_rows = wanted.console_rows;
    process.console_columns = wanted.console_columns;
    plan_stdio(builder, process, {.stdin_read = stdin_read});
    TRY(plan_callers_process(builder, process));
    return plan;
}

}  // namespace crank::runtime
