#include "runtime/hand_over.h"

#include <algorithm>

#include "base/undo.h"
#include "runtime/cgroup.h"
#include "runtime/encode.h"
#include "runtime/runtime.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/open_flags.h"
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

Result<std::vector<sys::UniqueFd>> open_joined(const Plan& plan, const oci::RuntimeSpec& spec) {
    std::vector<sys::UniqueFd> opened;
    for (const auto& joined : plan.joined) {
        sys::UniqueFd fd = TRY_IN(sys::open(joined.path, sys::kReadOnly),
                                  "linux.namespaces: joining a " + joined.type + " namespace");
        TRY(refuse_own(joined, fd, spec));
        opened.push_back(std::move(fd));
    }
    return opened;
}

// A group that others live in would be emptied with the container.
Result<> refuse_populated(const Plan& plan) {
    for (const auto& dir : plan.cgroup_dirs) {
        auto processes = sys::read_file(dir + "/cgroup.procs");
        if (processes && !processes->empty())
            return fail(Code::in_use,
                        "linux.cgroupsPath: the cgroup " + dir + " already has processes in it");
    }
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

Encoding encoding_for(const Plan& plan, const HandedFds& fds, bool terminal) {
    Encoding encoding;
    encoding.hand_over = true;
    encoding.stdin_given = encoding.stdout_given = encoding.stderr_given = !terminal;
    // So that every slot counts: start socket, console, joined namespaces, what is handed on.
    encoding.listener_count = 2 + plan.joined.size() + fds.preserved;
    return encoding;
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
    return hooks_step_ == packet.a ? Reached::hooks : Reached::created;
}

Result<> Handed::open_gate() {
    auto opened = sys::write_all(gate_.get(), "g", "the gate");
    gate_.reset();
    return opened;
}

Result<> Handed::release() {
    Packet packet{Message::release};
    TRY(sys::send_packet(control_.get(), std::as_bytes(std::span(&packet, 1))));
    // Until the shim is gone, and not only its end of the socket: only then does the process have
    // its new parent.
    TRY(shim_.wait());
    control_.reset();
    return {};
}

void Handed::abandon() {
    gate_.reset();
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

Result<Handed> hand_over(HandOverRequest request, const HostFacts& facts) {
    bool terminal = request.spec.process.terminal;
    Given given;
    given.stdin_read = true;
    given.hand_over = true;
    given.start_socket = static_cast<bool>(request.start_socket);
    given.wait_for_hooks = request.wait_for_hooks;
    if (request.new_keyring) given.keyring = request.keyring;
    given.plain_lines = request.fds.plain_lines;
    given.preserved_fds = request.fds.preserved;
    Options options;
    options.init = false;
    options.default_seccomp = false;
    Plan made = TRY(plan(request.spec, Rootfs{}, options, facts, given));
    Undo undo;
    auto apply = [&]() -> Result<Handed> {
        auto joined = TRY(open_joined(made, request.spec));
        TRY(refuse_populated(made));
        TRY(create_cgroups(made, facts, undo));
        auto binds = TRY(open_binds(made));
        sys::UniqueFd cgroup = TRY(open_cgroup(made, facts));
        sys::Pipe gate;
        if (request.wait_for_hooks) gate = TRY(sys::make_pipe());
        Encoding encoding = encoding_for(made, request.fds, terminal);
        encoding.cgroup_given = static_cast<bool>(cgroup);
        encoding.remove_cgroups = made.cgroup_dirs;
        std::string bytes = TRY(encode(made, encoding));
        Handover handover;
        for (std::size_t i = 0; i < binds.size(); ++i)
            handover.add(binds[i].get(), static_cast<int>(i));
        handover.add(gate.read.get(), made.gate_slot());
        handover.add(cgroup.get(), made.cgroup_slot());
        handover.add(request.start_socket.get(), made.start_socket_slot());
        for (std::size_t i = 0; i < joined.size(); ++i)
            handover.add(joined[i].get(), made.joined_slot(i));
        add_fds(handover, made, request.fds, terminal);
        Started started = TRY(start_shim(bytes, std::move(handover), facts, true));
        Handed handed;
        handed.handshake_ = Handshake(
            names_of(made, request.spec.has_process ? request.spec.process.args.front() : ""));
        handed.hooks_step_ = find_step(made, shim::OpKind::sync);
        handed.control_ = std::move(started.control);
        handed.shim_ = std::move(started.shim);
        handed.gate_ = std::move(gate.write);
        return handed;
    };
    auto handed = apply();
    if (!handed) return fail(undo.run(std::move(handed).error()));
    undo.commit();  // from here on the shim removes what was made, unless it is released
    return handed;
}

Result<Handed> hand_over_join(HandOverJoin request, const HostFacts& facts) {
    bool terminal = request.process.terminal;
    JoinFacts join_facts;
    join_facts.cgroups_path = request.cgroups_path;
    join_facts.default_seccomp = false;
    join_facts.stdin_read = true;
    join_facts.hand_over = true;
    join_facts.plain_lines = request.fds.plain_lines;
    join_facts.preserved_fds = request.fds.preserved;
    join_facts.personality = request.personality;
    join_facts.memory_policy = request.memory_policy;
    Plan made = TRY(plan_join(request.process, request.seccomp, join_facts, facts));
    sys::UniqueFd pidfd = TRY(sys::open_pidfd(request.pid));
    // Between the look and the open the number could have changed hands.
    if (!is_alive(request.pid, request.start_time))
        return fail(Code::failed_precondition, "the container is not running");
    if (facts.cgroup_mode == CgroupMode::v2 && !request.cgroups_path.empty())
        made.cgroup_dirs.push_back(facts.cgroup_mounts.front().second + request.cgroups_path);
    sys::UniqueFd cgroup = TRY(open_cgroup(made, facts));
    Encoding encoding = encoding_for(made, request.fds, terminal);
    encoding.role = shim::Role::join;
    encoding.cgroup_given = static_cast<bool>(cgroup);
    std::string bytes = TRY(encode(made, encoding));
    Handover handover;
    handover.add(pidfd.get(), made.network_slot());
    handover.add(cgroup.get(), made.cgroup_slot());
    add_fds(handover, made, request.fds, terminal);
    Handed handed;
    Started started = TRY(start_shim(bytes, std::move(handover), facts, true));
    handed.handshake_ = Handshake(names_of(made, request.process.args.front()));
    handed.control_ = std::move(started.control);
    handed.shim_ = std::move(started.shim);
    return handed;
}

}  // namespace crank::runtime
