#include "runtime/adopt.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "runtime/shim_process.h"
#include "shim/live.h"
#include "shim/plan_lock.h"
#include "shim/wire.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/foreign_descriptor.h"
#include "sys/memory.h"
#include "sys/open_flags.h"
#include "sys/socket.h"

namespace crank::runtime {
namespace {

constexpr std::chrono::milliseconds kDeadline{10'000};

struct OpenedPlan {
    sys::UniqueFd file;
    shim::Header header{};
};

Result<OpenedPlan> open_plan(const std::string& state_dir) {
    std::string path = state_dir + "/" + shim::kPlanFile;
    OpenedPlan plan;
    plan.file = TRY(sys::open(path, sys::kReadWrite | sys::kNoFollow));
    auto info = TRY(sys::stat_fd(plan.file.get(), path));
    bool whole = info.size >= static_cast<std::int64_t>(sizeof plan.header);
    if (whole) {
        auto mapping = TRY(sys::SharedMapping::map(plan.file.get(), sizeof plan.header));
        std::memcpy(&plan.header, mapping.data(), sizeof plan.header);
    }
    if (!whole || plan.header.magic != shim::kMagic)
        return fail(Error(Code::corrupt, path + " is of another version of crank")
                        .with_hint("stop the container and start it again"));
    return plan;
}

// Of an init: the descriptors themselves. `numbers`: there, and here.
Result<> take_from_init(const MonitorState& state, int pidfd, std::vector<sys::UniqueFd>& taken,
                        Handover& handover) {
    constexpr std::pair<int, int> kNumbers[] = {{shim::kInitOut, shim::kAdoptedOut},
                                                {shim::kInitErr, shim::kAdoptedErr},
                                                {shim::kInitTerminal, shim::kAdoptedTerminal}};
    for (auto [there, here] : kNumbers) {
        auto fd = sys::take_descriptor(pidfd, there);
        if (!fd && fd.error().code() == Code::not_found) continue;
        taken.push_back(TRY(std::move(fd)));
        handover.fds.emplace_back(taken.back().get(), here);
    }
    // It has the reading end.
    taken.push_back(TRY(
        sys::open("/proc/" + std::to_string(state.pid) + "/fd/" + std::to_string(shim::kInitLife),
                  sys::kWriteOnly | sys::kNonBlock)));
    handover.fds.emplace_back(taken.back().get(), shim::kAdoptedLife);
    return {};
}

// Of a worker without an init: other ends of its pipes, if it still writes to them.
void take_from_worker(const MonitorState& state, const shim::Shared& shared,
                      std::vector<sys::UniqueFd>& taken, Handover& handover) {
    constexpr int kHere[] = {shim::kAdoptedOut, shim::kAdoptedErr};
    for (int stream = 0; stream < 2; ++stream) {
        std::string path =
            "/proc/" + std::to_string(state.pid) + "/fd/" + std::to_string(stream + 1);
        auto info = sys::stat(path);
        if (!info || !S_ISFIFO(info->mode) || info->inode != shared.stream_inodes[stream]) continue;
        auto fd = sys::open(path, sys::kReadOnly | sys::kNonBlock);
        if (!fd) continue;
        taken.push_back(std::move(*fd));
        handover.fds.emplace_back(taken.back().get(), kHere[stream]);
    }
}

Result<bool> wait_for_monitor(const Started& started, bool alive) {
    shim::Packet packet{};
    auto bytes = std::as_writable_bytes(std::span(&packet, 1));
    auto received = TRY(sys::receive_packet(started.control.get(), bytes, kDeadline));
    if (received && received->size == sizeof packet && packet.message == shim::Message::failed)
        return false;
    bool begun = received && received->size == sizeof packet;
    // Of one that has ended: until its monitor has, too.
    if (begun && !alive) begun = TRY(sys::wait_readable(started.control.get(), kDeadline));
    if (begun) return true;
    return fail(Code::deadline_exceeded, "the new monitor of the container does not answer");
}

}  // namespace

bool is_watched(const std::string& state_dir) {
    auto plan = sys::open(state_dir + "/" + shim::kPlanFile, sys::kReadOnly | sys::kNoFollow);
    if (!plan) return true;
    auto locked = sys::try_lock_fd(plan->get(), sys::LockMode::shared, state_dir);
    return !locked || !*locked;
}

bool wait_unwatched(const std::string& state_dir, std::chrono::milliseconds deadline) {
    constexpr std::chrono::milliseconds kPause{3};
    auto plan = sys::open(state_dir + "/" + shim::kPlanFile, sys::kReadOnly | sys::kNoFollow);
    if (!plan) return false;
    auto end = std::chrono::steady_clock::now() + deadline;
    for (bool first = true;; first = false) {
        auto locked = sys::try_lock_fd(plan->get(), sys::LockMode::shared, state_dir);
        if (!locked || *locked) return !first;
        if (std::chrono::steady_clock::now() > end) return true;
        std::this_thread::sleep_for(kPause);
    }
}

namespace {

std::uint32_t bit_of(Order order) {
    switch (order) {
        case Order::stay_ended: return shim::kOrderStayEnded;
        case Order::live: return shim::kOrderLive;
        case Order::keep: break;
    }
    return shim::kOrderKeep;
}

// What commands tell the monitor of a container; nothing: nobody watches it.
Result<std::optional<sys::SharedMapping>> open_orders(const std::string& state_dir) {
    Result<OpenedPlan> plan = open_plan(state_dir);
    if (!plan && plan.error().code() == Code::not_found) return std::optional<sys::SharedMapping>();
    if (!plan) return fail(std::move(plan).error());
    return std::optional(TRY(sys::SharedMapping::map(plan->file.get(), sizeof(shim::Header))));
}

shim::Shared& shared_of(sys::SharedMapping& mapping) {
    return static_cast<shim::Header*>(mapping.data())->shared;
}

void set_order(shim::Shared& shared, std::uint32_t bits) {
    std::atomic_ref<std::uint32_t>(shared.orders).fetch_or(bits);
    sys::wake_all(shared.orders);
}

}  // namespace

Result<> give_order(const std::string& state_dir, Order order) {
    auto mapping = TRY(open_orders(state_dir));
    if (mapping) set_order(shared_of(*mapping), bit_of(order));
    return {};
}

Result<> order_restart(const std::string& state_dir, std::chrono::milliseconds pause) {
    auto mapping = TRY(open_orders(state_dir));
    if (!mapping) return {};
    shim::Shared& shared = shared_of(*mapping);
    std::atomic_ref<std::uint32_t>(shared.restart_after_ms)
        .store(static_cast<std::uint32_t>(pause.count()));
    set_order(shared, shim::kOrderRestart);
    return {};
}

Result<> withdraw_restart(const std::string& state_dir) {
    auto mapping = TRY(open_orders(state_dir));
    if (mapping)
        std::atomic_ref<std::uint32_t>(shared_of(*mapping).orders).fetch_and(~shim::kOrderRestart);
    return {};
}

Result<> give_policy(const std::string& state_dir, shim::Restart when, std::uint32_t most) {
    auto mapping = TRY(open_orders(state_dir));
    if (!mapping) return {};
    std::atomic_ref<std::uint32_t>(shared_of(*mapping).restart)
        .store(shim::restart_order(when, most));
    return {};
}

Result<bool> adopt(AdoptRequest request, const HostFacts& facts) {
    OpenedPlan plan = TRY(open_plan(request.state_dir));
    const MonitorState& state = request.state;
    Handover handover;
    std::vector<sys::UniqueFd> taken;
    sys::UniqueFd process;
    auto pidfd = sys::open_pidfd(state.pid);
    if (!pidfd && pidfd.error().code() != Code::not_found) return fail(std::move(pidfd).error());
    if (pidfd && is_alive(state.pid, state.start_time)) process = std::move(*pidfd);
    if (process) {
        handover.fds.emplace_back(process.get(), shim::kAdoptedProcess);
        if (plan.header.shared.init_holds_streams != 0)
            TRY(take_from_init(state, process.get(), taken, handover));
        else
            take_from_worker(state, plan.header.shared, taken, handover);
        for (std::uint32_t i = 0; i < plan.header.port_count && i < request.listeners.size(); ++i)
            handover.add(request.listeners[i].get(), plan.header.ports[i].listener_slot);
        if (plan.header.resolver.udp_slot >= 0) {
            handover.add(request.resolver.udp.get(), plan.header.resolver.udp_slot);
            handover.add(request.resolver.tcp.get(), plan.header.resolver.tcp_slot);
        }
        handover.add(request.held.get(), static_cast<int>(plan.header.slot_count));
        handover.add(request.held_too.get(), static_cast<int>(plan.header.slot_count) + 1);
    }
    sys::UniqueFd lock =
        TRY(sys::open(request.state_dir + "/" + shim::kPlanFile, sys::kReadOnly | sys::kNoFollow));
    handover.fds.emplace_back(lock.get(), shim::kPlanLockFd);
    std::vector<std::string> words{"--adopt", std::to_string(state.pid),
                                   std::to_string(state.started_at_ns)};
    Started started = TRY(
        start_shim_on(std::move(plan.file), std::move(words), std::move(handover), facts, true));
    started.shim.release();
    return wait_for_monitor(started, static_cast<bool>(process));
}

}  // namespace crank::runtime
