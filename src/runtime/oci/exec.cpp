#include "runtime/oci/exec.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>

#include "base/text.h"
#include "policy/capability.h"
#include "runtime/builder.h"
#include "runtime/cpu_list.h"
#include "runtime/hand_over.h"
#include "runtime/oci/annotations.h"
#include "runtime/oci/listener.h"
#include "runtime/oci/process.h"
#include "sys/affinity.h"
#include "sys/socket.h"

namespace crank::runtime::oci_verbs {
namespace {

void add_capabilities(oci::CapabilitySets& sets, const std::vector<std::string>& names) {
    auto has = [](const std::vector<std::string>& set, const std::string& name) {
        return std::ranges::find(set, name) != set.end();
    };
    for (const auto& name : names) {
        for (auto* set : {&sets.bounding, &sets.effective, &sets.permitted})
            if (!has(*set, name)) set->push_back(name);
        // What it may inherit anyway it keeps over an execve as any user.
        if (has(sets.inheritable, name) && !has(sets.ambient, name)) sets.ambient.push_back(name);
    }
}

oci::Process process_of(const ExecRequest& request, const oci::RuntimeSpec& spec) {
    oci::Process process = request.process ? *request.process : spec.process;
    if (!request.process) process.terminal = false;
    if (!request.args.empty()) process.args = request.args;
    process.env.insert(process.env.end(), request.env.begin(), request.env.end());
    if (!request.cwd.empty()) process.cwd = request.cwd;
    if (request.user) {
        std::uint32_t uid = request.user->uid, gid = request.user->gid;
        process.user.uid = uid;
        process.user.gid = gid;
        process.user.additional_gids.insert(process.user.additional_gids.end(),
                                            request.user->additional_gids.begin(),
                                            request.user->additional_gids.end());
    }
    add_capabilities(process.capabilities, request.capabilities);
    if (request.terminal) process.terminal = *request.terminal;
    // As the container's own where the request says nothing: never the caller's.
    if (!process.oom_score_adj) process.oom_score_adj = spec.process.oom_score_adj;
    if (request.no_new_privileges) process.no_new_privileges = *request.no_new_privileges;
    return process;
}

// Only downwards: the container's own group is where its limits are.
Result<> choose_cgroup(const std::string& wanted, const HostFacts& facts, HandOverJoin& over) {
    std::string path = wanted;
    if (std::size_t colon = path.find(':'); colon != std::string::npos) {
        if (facts.cgroup_mode != CgroupMode::v1)
            return fail(Code::usage, "--cgroup \"" + wanted + "\": cgroup v2 has one hierarchy");
        over.sub_controllers = split(std::string_view(path).substr(0, colon), ',');
        path = path.substr(colon + 1);
    }
    if (over.cgroups_path.empty())
        return fail(Code::failed_precondition, "--cgroup: the container has no cgroup of its own");
    for (const auto& part : split(path, '/')) {
        if (part == "..")
            return fail(Code::usage,
                        "--cgroup \"" + wanted + "\": `..` components are not allowed");
        if (part.empty() || part == ".") continue;
        over.sub_cgroup += (over.sub_cgroup.empty() ? "" : "/") + part;
    }
    return {};
}

Result<> take_listener(const Handed& handed, const oci::Seccomp& seccomp,
                       const oci::ContainerState& state) {
    constexpr std::chrono::milliseconds kDeadline{60'000};
    std::array<std::byte, sizeof(shim::Report)> report;
    auto received = TRY(sys::receive_packet(handed.channel(), report, kDeadline));
    // It could not load the filter, and says so to whoever waits for it.
    if (!received || !received->descriptor) return {};
    return pass_listener(handed.channel(), received->descriptor, seccomp, state, handed.pid());
}

Result<> check_status(const oci::ContainerRecord& record, const std::string& id, bool paused_too) {
    if (record.state.status == oci::Status::stopped)
        return fail(Code::failed_precondition,
                    "cannot exec in a stopped container: \"" + id + "\"");
    if (record.state.status == oci::Status::paused && !paused_too)
        return fail(
            Error(Code::failed_precondition, "cannot exec in a paused container: \"" + id + "\"")
                .with_hint("crank oci resume " + id));
    return {};
}

// What joins the container's cgroup does so on these processors.
Result<> bind_to_initial_cpus(const oci::Process& process) {
    TRY(check_cpu_affinity(process));
    const auto& affinity = process.exec_cpu_affinity;
    if (!affinity || affinity->initial.empty()) return {};
    std::string field = "process.execCPUAffinity.initial";
    CpuMask mask = TRY(parse_cpu_list(affinity->initial, field));
    TRY_IN(sys::set_cpu_affinity(mask), field + ": '" + affinity->initial + "'");
    return {};
}

}  // namespace

Result<Executed> exec(Store& store, ExecRequest request, const HostFacts& facts) {
    TRY_IN(policy::capability_set(request.capabilities), "--cap");
    oci::ContainerRecord record = TRY(look_up(store, request.id, facts));
    TRY(check_status(record, request.id, request.ignore_paused));
    oci::RuntimeSpec spec = TRY(store.read_spec(request.id));
    HandOverJoin over;
    over.pid = record.state.pid;
    over.start_time = record.start_time;
    over.cgroups_path = record.cgroups_path;
    if (!request.cgroup.empty()) TRY(choose_cgroup(request.cgroup, facts, over));
    over.process = process_of(request, spec);
    over.seccomp = spec.linux.seccomp;
    over.personality = spec.linux.personality;
    over.memory_policy = spec.linux.memory_policy;
    over.keyring = "_ses." + request.id;
    over.shares_mounts = std::ranges::none_of(spec.linux.namespaces,
                                              [](const auto& ns) { return ns.type == "mount"; });
    Executed executed;
    executed.warnings = prepare_process(over.process);
    std::ranges::move(TRY(follow_annotations(spec, over.process)),
                      std::back_inserter(executed.warnings));
    TRY(bind_to_initial_cpus(over.process));
    sys::UniqueFd console = TRY(connect_console(request.caller, over.process));
    executed.terminal = over.process.terminal;
    over.fds.console = console.get();
    over.fds.plain_lines = request.caller.plain_lines;
    over.fds.preserved = request.caller.preserved_fds;
    over.fds.missing = request.caller.missing_fds;
    Handed handed = TRY(hand_over_join(std::move(over), facts));
    auto finish = [&]() -> Result<> {
        if (TRY(handed.wait()) == Handed::Reached::listener) {
            TRY(take_listener(handed, *spec.linux.seccomp, record.state));
            TRY(handed.wait());
        }
        TRY(tell_supervisor(request.caller, handed.pid()));
        return handed.release();
    };
    if (auto done = finish(); !done) {
        handed.abandon();
        return fail(std::move(done).error());
    }
    executed.pid = handed.pid();
    return executed;
}

}  // namespace crank::runtime::oci_verbs
