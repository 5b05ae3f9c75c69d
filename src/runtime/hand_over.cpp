#include "runtime/hand_over.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "base/undo.h"
#include "runtime/builder.h"
#include "runtime/cgroup.h"
#include "runtime/encode.h"
#include "runtime/runtime.h"
#include "runtime/scope_apply.h"
#include "shim/plan_lock.h"
#include "sys/cgroup.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/owned_file.h"
#include "sys/socket.h"
#include "sys/unix_socket.h"

namespace crank::runtime {

using shim::Message;
using shim::Packet;

namespace {

constexpr std::chrono::milliseconds kDeadline{60'000};

// Settings that a namespace of the container's own may be given must not reach the host by the way
// of a path that leads to the host's.
Result<> refuse_own(const Plan::Joined& joined, const sys::UniqueFd& fd,
                    const oci::RuntimeSpec& spec) {
    if (spec.linux.sysctl.empty() && spec.hostname.empty() && spec.domainname.empty()) return {};
    const char* name = joined.type == "network" ? "net"
                       : joined.type == "uts"   ? "uts"
                       : joined.type == "ipc"   ? "ipc"
                                                : nullptr;
    if (name == nullptr) return {};
    auto own = TRY(sys::stat("/proc/self/ns/" + std::string(name)));
    auto theirs = TRY(sys::stat_fd(fd.get(), joined.path));
    if (own.inode != theirs.inode || own.device != theirs.device) return {};
    bool concerned = joined.type == "uts" && (!spec.hostname.empty() || !spec.domainname.empty());
    for (const auto& [key, value] : spec.linux.sysctl)
        concerned = concerned ||
                    (joined.type == "network" ? key.starts_with("net.") : !key.starts_with("net."));
    if (!concerned) return {};
    return fail(Code::invalid_argument,
                "linux.namespaces: " + joined.path + " is the host's " + joined.type +
                    " namespace, whose settings a container may not change");
}

// Where the user namespace is joined, its own maps are what the plan goes by.
Result<sys::UniqueFd> find_user_namespace(oci::RuntimeSpec& spec) {
    sys::UniqueFd found;
    for (const auto& ns : spec.linux.namespaces) {
        if (ns.type != "user" || ns.path.empty()) continue;
        found =
            TRY_IN(sys::open_user_namespace(ns.path), "linux.namespaces: joining a user namespace");
        sys::IdMaps maps = TRY_IN(sys::maps_of_user_namespace(found.get()), ns.path);
        sys::IdMaps wanted = maps_of(spec.linux.uid_mappings, spec.linux.gid_mappings);
        bool said = !wanted.uids.empty() || !wanted.gids.empty();
        if (said && (wanted.uids != maps.uids || wanted.gids != maps.gids))
            return fail(Error(Code::invalid_argument,
                              "linux.uidMappings and gidMappings are not those of the user "
                              "namespace " +
                                  ns.path)
                            .with_hint("leave them out: they are read from the namespace"));
        spec.linux.uid_mappings = mappings_of(maps.uids);
        spec.linux.gid_mappings = mappings_of(maps.gids);
    }
    return found;
}

// The path is empty where the namespace is a new one.
Result<> make_user_namespace(const Plan& plan, const oci::RuntimeSpec& spec, sys::UniqueFd& fd) {
    for (const auto& joined : plan.joined)
        if (joined.type == "user" && joined.path.empty())
            fd = TRY_IN(sys::create_user_namespace(
                            maps_of(spec.linux.uid_mappings, spec.linux.gid_mappings)),
                        "linux.uidMappings and gidMappings");
    return {};
}

Result<std::vector<sys::UniqueFd>> open_joined(const Plan& plan, const oci::RuntimeSpec& spec) {
    std::vector<sys::UniqueFd> opened;
    for (const auto& joined : plan.joined) {
        if (joined.type == "user") {
            opened.emplace_back();
            continue;
        }
        sys::UniqueFd fd = TRY_IN(sys::open(joined.path, sys::kReadOnly),
                                  "linux.namespaces: joining a " + joined.type + " namespace");
        TRY(refuse_own(joined, fd, spec));
        opened.push_back(std::move(fd));
    }
    return opened;
}

// A group that others live in would be emptied with the container; in a frozen one it would never
// start.
Result<> refuse_used(const Plan& plan, const std::string& cgroups_path, const HostFacts& facts) {
    // Also what lies below, and what this plan does not need: all of it goes with the container.
    sys::GroupVisit look;
    look.at = [](int fd, const std::string& dir) -> Result<> {
        for (const auto& [file, frozen] :
             {std::pair("freezer.state", "FROZEN"), std::pair("cgroup.freeze", "1")})
            if (auto state = sys::read_file_at(fd, file, 64); state && trim(*state) == frozen)
                return fail(
                    Code::failed_precondition,
                    "linux.cgroupsPath: the container's cgroup unexpectedly frozen: " + dir);
        auto processes = sys::read_file_at(fd, "cgroup.procs");
        if (processes && !processes->empty())
            return fail(Code::in_use, "linux.cgroupsPath: the container's cgroup is not empty: " +
                                          dir + " already has processes in it");
        return {};
    };
    for (const auto& dirs : {plan.cgroup_dirs, existing_limit_dirs(cgroups_path, facts)})
        for (const auto& dir : dirs) TRY(sys::walk_groups(dir, look));
    return {};
}

void add_fds(Handover& handover, const Plan& plan, const HandedFds& fds, bool terminal) {
    if (!terminal) {
        handover.add(fds.stdio[0], plan.stdin_slot());
        handover.add(fds.stdio[1], plan.stdout_slot());
        handover.add(fds.stdio[2], plan.stderr_slot());
    }
    handover.add(fds.console, plan.console_slot());
    for (std::uint32_t i = 0; i < fds.preserved; ++i) {
        int fd = fds.first_preserved + static_cast<int>(i);
        if (std::ranges::find(fds.missing, fd) == fds.missing.end())
            handover.add(fd, plan.first_preserved_slot() + static_cast<int>(i));
    }
}

// v1 without names: those hierarchies in which there is such a group. In the others the process
// stays in the container's own.
Result<std::vector<std::string>> controllers_below(const HandOverJoin& request,
                                                   const HostFacts& facts) {
    if (facts.cgroup_mode != CgroupMode::v1) return request.sub_controllers;
    for (const auto& name : request.sub_controllers)
        if (std::ranges::none_of(facts.cgroup_mounts,
                                 [&](const auto& mount) { return mount.first == name; }))
            return fail(Code::invalid_argument,
                        "--cgroup: this host has no cgroup v1 controller \"" + name + "\"");
    if (request.sub_cgroup.empty() || !request.sub_controllers.empty())
        return request.sub_controllers;
    std::vector<std::string> found;
    for (const auto& [controller, mount] : facts.cgroup_mounts)
        if (sys::exists(mount + request.cgroups_path + "/" + request.sub_cgroup))
            found.push_back(controller);
    if (found.empty())
        return fail(Code::not_found, "--cgroup: there is no group \"" + request.sub_cgroup +
                                         "\" below the container's " + request.cgroups_path);
    return found;
}

// The process has no right to take the host's pipes for its user by itself.
void give_output(const HandedFds& fds, bool terminal, std::uint32_t uid,
                 const std::vector<oci::IdMapping>& maps) {
    auto owner = host_id(maps, uid);
    if (terminal || !owner) return;
    for (int fd : fds.stdio) sys::give_pipe(fd, *owner);
}

void add_joined(Handover& handover, const Plan& plan, const std::vector<sys::UniqueFd>& joined,
                const sys::UniqueFd& user) {
    for (std::size_t i = 0; i < joined.size(); ++i)
        handover.add(joined[i] ? joined[i].get() : user.get(), plan.joined_slot(i));
}

// Of the descriptors to be kept, the places of those that the caller does not have.
std::vector<std::uint32_t> missing_of(const HandedFds& fds) {
    std::vector<std::uint32_t> missing;
    for (int fd : fds.missing)
        missing.push_back(static_cast<std::uint32_t>(fd - fds.first_preserved));
    return missing;
}

// What the caller has decided: by its request, and by what it calls crank with.
Given given_by(const HandOverRequest& request) {
    Given given;
    given.stdin_read = true;
    given.hand_over = true;
    given.network_namespace = request.network_namespace.valid();
    given.start_socket = static_cast<bool>(request.start_socket);
    given.wait_for_hooks = request.wait_for_hooks;
    if (request.new_keyring) given.keyring = request.keyring;
    given.plain_lines = request.fds.plain_lines;
    given.preserved_fds = request.fds.preserved;
    given.missing_fds = missing_of(request.fds);
    return given;
}

// A joiner finds its facts where the container's process is now.
Result<JoinFacts> facts_of(const HandOverJoin& request, const HostFacts& facts) {
    JoinFacts join;
    join.cgroups_path = request.cgroups_path;
    join.default_seccomp = false;
    join.stdin_read = true;
    join.hand_over = true;
    join.plain_lines = request.fds.plain_lines;
    join.preserved_fds = request.fds.preserved;
    join.missing_fds = missing_of(request.fds);
    join.keyring = request.keyring;
    join.personality = request.personality;
    join.memory_policy = request.memory_policy;
    join.shares_mounts = request.shares_mounts;
    TRY(find_mappings(request.pid, join));
    join.limit_dirs = existing_limit_dirs(request.cgroups_path, facts);
    join.sub_cgroup = request.sub_cgroup;
    join.sub_controllers = TRY(controllers_below(request, facts));
    return join;
}

Encoding encoding_for(const Plan& plan, const HandedFds& fds, bool terminal) {
    Encoding encoding;
    encoding.hand_over = true;
    encoding.stdin_given = encoding.stdout_given = encoding.stderr_given = !terminal;
    // So that every slot counts: start socket, console, joined namespaces, what is handed on.
    encoding.listener_count = 2 + plan.joined.size() + fds.preserved;
    return encoding;
}

// What the shim is given beside the plan.
struct Opened {
    std::vector<sys::UniqueFd> joined, binds;
    sys::UniqueFd user, cgroup;
    sys::Pipe gate;
    sys::Child holder;  // of the scope
    int claim = -1;     // not owned
};

// `undo` is given what removes the groups.
Result<Opened> open_for(const HandOverRequest& request, Plan& made, const HostFacts& facts,
                        Undo& undo, sys::UniqueFd user) {
    Opened opened;
    opened.user = std::move(user);
    const oci::Linux& part = request.spec.linux;
    opened.joined = TRY(open_joined(made, request.spec));
    TRY(make_user_namespace(made, request.spec, opened.user));
    TRY(refuse_used(made, request.spec.linux.cgroups_path, facts));
    if (request.claim_groups) opened.claim = TRY(request.claim_groups());
    if (!request.scope.empty())
        opened.holder = TRY(start_scope(request.scope, request.scope_properties, undo));
    TRY(create_cgroups(made, facts, undo));
    opened.binds =
        TRY(open_binds(made, opened.user.get(),
                       {&part.devices, part.uid_mappings, part.gid_mappings, request.scratch}));
    opened.cgroup = TRY(open_cgroup(made, facts));
    if (request.wait_for_hooks) opened.gate = TRY(sys::make_pipe());
    if (opened.user)
        give_output(request.fds, request.spec.process.terminal, request.spec.process.user.uid,
                    part.uid_mappings);
    return opened;
}

std::optional<std::uint64_t> find_step(const Plan& plan, shim::OpKind kind) {
    for (std::size_t i = 0; i < plan.child.size(); ++i)
        if (plan.child[i].op.kind == kind) return i;
    return std::nullopt;
}

}  // namespace

Result<Handed::Reached> Handed::wait() {
    Packet packet;
    auto received = TRY(sys::receive_packet(
        control_.get(), std::as_writable_bytes(std::span(&packet, 1)), kDeadline));
    if (!received)
        return fail(Code::deadline_exceeded, "the container did not start within 60 seconds");
    TRY(handshake_.accept(std::as_bytes(std::span(&packet, 1)).first(received->size)));
    if (packet.message == Message::terminal)
        return fail(Code::internal, "malformed packet from crank-shim");
    pid_ = static_cast<pid_t>(packet.b);
    if (packet.message == Message::started) return Reached::executed;
    switch (handshake_.point()) {
        case Point::hooks: return Reached::hooks;
        case Point::listener: return Reached::listener;
        case Point::created: break;
    }
    return Reached::created;
}

Result<> Handed::open_gate() {
    auto opened = sys::write_all(gate_.get(), "g", "the gate");
    gate_.reset();
    return opened;
}

Result<> Handed::release() {
    TRY(let_go());
    return settle();
}

Result<> Handed::let_go() {
    Packet packet{Message::release};
    return sys::send_packet(control_.get(), std::as_bytes(std::span(&packet, 1)));
}

Result<> Handed::settle() {
    // Until the shim is gone, and not only its end of the socket: only then does the process have
    // its new parent.
    TRY(shim_.wait());
    control_.reset();
    return {};
}

void Handed::abandon() {
    holder_ = {};  // the groups are to be removed
    gate_.reset();
    channel_.reset();
    if (!control_ || !sys::finish_sending(control_.get())) return;
    Packet packet;
    while (true) {
        auto received = sys::receive_packet(
            control_.get(), std::as_writable_bytes(std::span(&packet, 1)), kDeadline);
        if (!received || !*received || (*received)->size == 0) break;
    }
    (void)shim_.wait();
    control_.reset();
}

bool wants_new_network(const oci::Linux& config) {
    bool is_new = false;
    for (const oci::Namespace& ns : config.namespaces) {
        if (ns.type == "user") return false;
        is_new = is_new || (ns.type == "network" && ns.path.empty());
    }
    return is_new;
}

Result<Handed> hand_over(HandOverRequest request, const HostFacts& facts) {
    bool terminal = request.spec.process.terminal;
    Options options;
    options.init = false;
    options.default_seccomp = false;
    sys::UniqueFd user = TRY(find_user_namespace(request.spec));
    Plan made = TRY(plan(request.spec, Rootfs{}, options, facts, given_by(request)));
    Undo undo;
    auto apply = [&]() -> Result<Handed> {
        Opened opened = TRY(open_for(request, made, facts, undo, std::move(user)));
        Encoding encoding = encoding_for(made, request.fds, terminal);
        encoding.cgroup_given = static_cast<bool>(opened.cgroup);
        encoding.remove_cgroups = made.cgroup_dirs;
        std::string bytes = TRY(encode(made, encoding));
        sys::UniqueFd network;
        if (request.network_namespace.valid()) network = TRY(request.network_namespace.get());
        Handover handover;
        for (std::size_t i = 0; i < opened.binds.size(); ++i)
            handover.add(opened.binds[i].get(), static_cast<int>(i));
        handover.add(network.get(), made.network_slot());
        handover.add(opened.gate.read.get(), made.gate_slot());
        handover.add(opened.cgroup.get(), made.cgroup_slot());
        handover.add(request.start_socket.get(), made.start_socket_slot());
        add_joined(handover, made, opened.joined, opened.user);
        add_fds(handover, made, request.fds, terminal);
        if (opened.claim >= 0) handover.fds.emplace_back(opened.claim, shim::kPlanLockFd);
        Started started = TRY(start_shim(bytes, std::move(handover), facts, true));
        Handed handed;
        handed.handshake_ = Handshake(
            names_of(made, request.spec.has_process ? request.spec.process.args.front() : ""),
            {.hooks = find_step(made, shim::OpKind::sync)});
        handed.control_ = std::move(started.control);
        handed.shim_ = std::move(started.shim);
        handed.gate_ = std::move(opened.gate.write);
        handed.holder_ = std::move(opened.holder);
        return handed;
    };
    auto handed = apply();
    if (!handed) return fail(undo.run(hint_at_kernel(std::move(handed).error())));
    undo.commit();  // from here on the shim removes what was made, unless it is released
    return handed;
}

Result<Handed> hand_over_join(HandOverJoin request, const HostFacts& facts) {
    bool terminal = request.process.terminal;
    sys::UniqueFd pidfd = TRY(sys::open_pidfd(request.pid));
    JoinFacts join_facts = TRY(facts_of(request, facts));
    // Between the look and the open the number could have changed hands.
    if (!is_alive(request.pid, request.start_time))
        return fail(Code::failed_precondition, "the container is not running");
    Plan made = TRY(plan_join(request.process, request.seccomp, join_facts, facts));
    TRY(leave_shared(made, request.pid));
    auto joined = TRY(open_namespaces_of(request.pid, made));
    if (!is_alive(request.pid, request.start_time))
        return fail(Code::failed_precondition, "the container is not running");
    if (facts.cgroup_mode == CgroupMode::v2 && !request.cgroups_path.empty())
        made.cgroup_dirs.push_back(v2_cgroup_dir(facts, request.cgroups_path) +
                                   (request.sub_cgroup.empty() ? "" : "/" + request.sub_cgroup));
    sys::UniqueFd cgroup = TRY(open_cgroup(made, facts));
    Encoding encoding = encoding_for(made, request.fds, terminal);
    encoding.role = shim::Role::join;
    encoding.cgroup_given = static_cast<bool>(cgroup);
    std::string bytes = TRY(encode(made, encoding));
    Handover handover;
    handover.add(pidfd.get(), made.network_slot());
    handover.add(cgroup.get(), made.cgroup_slot());
    for (std::size_t i = 0; i < joined.size(); ++i)
        handover.add(joined[i].get(), made.joined_slot(i));
    auto [mine, theirs] = TRY(sys::make_packet_pair());
    bool listens = request.seccomp && !request.seccomp->listener_path.empty();
    if (listens) handover.add(theirs.get(), made.start_socket_slot());
    if (join_facts.user_namespace)
        give_output(request.fds, terminal, request.process.user.uid, join_facts.uid_mappings);
    add_fds(handover, made, request.fds, terminal);
    Handed handed;
    Started started = TRY(start_shim(bytes, std::move(handover), facts, true));
    handed.channel_ = std::move(mine);
    handed.handshake_ =
        Handshake(names_of(made, request.process.args.front()),
                  {.listener = listens ? find_step(made, shim::OpKind::seccomp) : std::nullopt});
    handed.control_ = std::move(started.control);
    handed.shim_ = std::move(started.shim);
    return handed;
}

}  // namespace crank::runtime
