#include "runtime/shim_process.h"

#include "runtime/builder.h"
#include "shim/plan_lock.h"
#include "sys/child.h"
#include "sys/errors.h"
#include "sys/file.h"
#include "sys/memory.h"
#include "sys/mount.h"
#include "sys/open_flags.h"
#include "sys/overlay.h"
#include "sys/own_user_namespace.h"
#include "sys/socket.h"
#include "sys/stdin_pipe.h"

namespace crank::runtime {

namespace {

std::vector<sys::IdRange> ranges_of(const std::vector<oci::IdMapping>& maps) {
    std::vector<sys::IdRange> ranges;
    for (const auto& map : maps) ranges.push_back({map.container_id, map.host_id, map.size});
    return ranges;
}

Result<> map_ids(const Plan::Bind& bind, int mount, int user_namespace,
                 const MappedDevices& container) {
    if (bind.ids == Plan::Bind::Ids::kept) return {};
    bool recursive = bind.ids == Plan::Bind::Ids::mapped_recursively;
    sys::UniqueFd own;
    // Those of the container need no namespace more.
    bool containers = user_namespace >= 0 &&
                      ranges_of(bind.uid_mappings) == ranges_of(container.uids) &&
                      ranges_of(bind.gid_mappings) == ranges_of(container.gids);
    if (!bind.uid_mappings.empty() && !containers)
        own = TRY_IN(sys::create_user_namespace(
                         {ranges_of(bind.uid_mappings), ranges_of(bind.gid_mappings)}),
                     "mapping the ids of the mount of " + bind.source);
    return sys::map_mount_ids(mount, own ? own.get() : user_namespace, recursive, bind.source);
}

Result<> check_device(const Plan::Bind& bind, int mount) {
    if (!bind.device) return {};
    auto info = TRY(sys::stat_fd(mount, bind.source));
    std::uint64_t number = sys::device_number(info.rdev_major, info.rdev_minor);
    bool same_type = bind.is_block ? S_ISBLK(info.mode) : S_ISCHR(info.mode);
    if (same_type && number == *bind.device) return {};
    return fail(Error(Code::invalid_argument,
                      "linux.devices: " + bind.source + " of the host is another device")
                    .with_hint("in a user namespace devices cannot be made: the host's own are "
                               "shown, under their path"));
}

}  // namespace

sys::IdMaps maps_of(const std::vector<oci::IdMapping>& uids,
                    const std::vector<oci::IdMapping>& gids) {
    return {ranges_of(uids), ranges_of(gids)};
}

std::vector<oci::IdMapping> mappings_of(const std::vector<sys::IdRange>& ranges) {
    std::vector<oci::IdMapping> maps;
    for (const auto& range : ranges) maps.push_back({range.inside, range.outside, range.count});
    return maps;
}

Result<> find_mappings(pid_t pid, JoinFacts& join) {
    join.user_namespace = TRY(sys::is_in_other_namespace(pid, "user"));
    join.cgroup_namespace = TRY(sys::is_in_other_namespace(pid, "cgroup"));
    if (!join.user_namespace) return {};
    sys::IdMaps maps = TRY(sys::maps_of_process(pid));
    join.uid_mappings = mappings_of(maps.uids);
    join.gid_mappings = mappings_of(maps.gids);
    return {};
}

Result<> leave_shared(Plan& plan, pid_t pid) {
    if (TRY(sys::own_user_namespace()).initial) return {};
    constexpr std::pair<const char*, std::uint64_t> kTypes[] = {
        {"time", 0x80},      {"mnt", 0x00020000}, {"uts", 0x04000000},
        {"ipc", 0x08000000}, {"pid", 0x20000000}, {"net", 0x40000000}};
    for (const auto& [type, flag] : kTypes) {
        if (TRY(sys::is_in_other_namespace(pid, type))) continue;
        for (auto& step : plan.child)
            if (step.op.kind == shim::OpKind::set_namespace) step.op.a &= ~flag;
    }
    return {};
}

Result<std::vector<sys::UniqueFd>> open_namespaces_of(pid_t pid, const Plan& plan) {
    const std::string process = "/proc/" + std::to_string(pid);
    std::vector<sys::UniqueFd> opened;
    for (const auto& joined : plan.joined)
        opened.push_back(joined.type == "root"
                             ? TRY(sys::open(process + "/root", sys::kPath | sys::kDirectory))
                             : TRY(sys::open(process + "/ns/" + joined.type, sys::kReadOnly)));
    return opened;
}

namespace {

// A device that config.json asks for, with the owner and the mode that stand there; an invalid
// descriptor where it does not, or where crank may make none itself.
Result<sys::UniqueFd> make_device(const Plan::Bind& bind, const MappedDevices& devices,
                                  std::size_t number) {
    if (!bind.device || devices.devices == nullptr || devices.scratch.empty())
        return sys::UniqueFd();
    // In a user namespace that crank itself is in nobody may make any.
    if (devices.uids.empty() && devices.gids.empty()) return sys::UniqueFd();
    for (const auto& device : *devices.devices) {
        if (device.path != bind.source) continue;
        auto uid = host_id(devices.uids, device.uid), gid = host_id(devices.gids, device.gid);
        if (!uid || !gid)
            return fail(Code::invalid_argument, "linux.devices: the owner of " + device.path +
                                                    " does not exist in the user namespace");
        sys::DeviceNode node{device.file_mode | (device.type == "b" ? S_IFBLK : S_IFCHR),
                             static_cast<std::uint32_t>(device.major),
                             static_cast<std::uint32_t>(device.minor), *uid, *gid};
        auto made =
            sys::mount_new_device(devices.scratch + "/device-" + std::to_string(number), node);
        if (!made && made.error().code() == Code::permission_denied) break;
        return made;
    }
    return sys::UniqueFd();
}

}  // namespace

// Before Linux 6.15 no copy can be made of a mount that is attached nowhere.
static Result<sys::UniqueFd> open_bind(const Plan::Bind& bind, const MappedDevices& container) {
    if (container.made != nullptr)
        if (auto made = container.made->find(bind.source); made != container.made->end())
            return sys::duplicate(made->second);
    return sys::clone_mount(bind.source, bind.recursive);
}

Result<std::vector<sys::UniqueFd>> open_binds(Plan& plan, int user_namespace,
                                              const MappedDevices& devices) {
    std::vector<sys::UniqueFd> mounts;
    for (auto& bind : plan.binds) {
        if (bind.layers) {
            mounts.push_back(TRY_IN(
                sys::clone_mapped_overlay(
                    {bind.source, bind.layers->options, bind.layers->target, bind.layers->flags,
                     user_namespace, host_id(devices.uids, root_id(devices.uids)).value_or(0),
                     host_id(devices.gids, root_id(devices.gids)).value_or(0)}),
                "the container's files in a user namespace"));
            continue;
        }
        if (sys::UniqueFd device = TRY(make_device(bind, devices, mounts.size()))) {
            plan.child[bind.step].op.a = 1;
            mounts.push_back(std::move(device));
            continue;
        }
        sys::UniqueFd mount = TRY(open_bind(bind, devices));
        TRY(check_device(bind, mount.get()));
        sys::MountChange change{bind.attr_set, bind.attr_clear, bind.recursive};
        if (bind.propagates) change.peers = sys::Peers::kept;
        if (bind.is_root) change.peers = sys::Peers::masters;
        TRY(sys::change_mount(mount.get(), change, bind.source));
        sys::MountChange top{bind.attr_top, 0, false};
        top.peers = sys::Peers::kept;
        if (bind.attr_top != 0) TRY(sys::change_mount(mount.get(), top, bind.source));
        TRY(map_ids(bind, mount.get(), user_namespace, devices));
        plan.child[bind.step].op.a = TRY(sys::stat_fd(mount.get(), bind.source)).is_dir() ? 0 : 1;
        mounts.push_back(std::move(mount));
    }
    return mounts;
}

namespace {

// The worker could reach the running executable through /proc (CVE-2019-5736): it is started from a
// sealed copy in memory, 70 kB, which nobody can write to. A detached read-only mount of the file
// would do as well, but dropping it waits for a grace period of the kernel: 4 to 10 ms on an idle
// machine, where the copy takes 0.1.
Result<sys::UniqueFd> open_shim(const std::string& path) {
    return TRY_IN(sys::sealed_copy(path), "preparing crank-shim");
}

}  // namespace

Result<Started> start_shim(const std::string& bytes, Handover handover, const HostFacts& facts,
                           bool new_session, const std::string& plan_file) {
    sys::UniqueFd plan;
    if (plan_file.empty())
        plan = TRY(sys::make_memory_file("crank-plan", bytes.size()));
    else
        plan = TRY(sys::open(plan_file, sys::kReadWrite | sys::kCreate | sys::kExclusive, 0600));
    sys::UniqueFd lock;
    if (!plan_file.empty()) {
        // From before the shim exists until the last one is gone that watches the container.
        lock = TRY(sys::open(plan_file, sys::kReadOnly | sys::kNoFollow));
        TRY(sys::try_lock_fd(lock.get(), sys::LockMode::exclusive, plan_file));
        handover.fds.emplace_back(lock.get(), shim::kPlanLockFd);
    }
    TRY(sys::write_all(plan.get(), bytes, "the plan"));
    return start_shim_on(std::move(plan), {"--plan"}, std::move(handover), facts, new_session);
}

Result<Started> start_shim_on(sys::UniqueFd plan, std::vector<std::string> words, Handover handover,
                              const HostFacts& facts, bool new_session) {
    Started started;
    started.memory = std::move(plan);
    auto [mine, theirs] = TRY(sys::make_packet_pair());
    sys::UniqueFd shim = TRY(open_shim(facts.shim_path));
    sys::UniqueFd null = TRY(sys::open("/dev/null", sys::kReadWrite));
    handover.fds.emplace_back(started.memory.get(), shim::kPlanFd);
    handover.fds.emplace_back(theirs.get(), shim::kControlFd);
    for (int fd = 0; fd < 3; ++fd) handover.fds.emplace_back(null.get(), fd);
    sys::SpawnRequest request;
    request.path = facts.shim_path;
    request.program = shim.get();
    request.args = {"crank-shim"};
    request.args.insert(request.args.end(), words.begin(), words.end());
    request.fds = std::move(handover.fds);
    request.env = std::move(handover.environment);
    request.new_session = new_session;
    started.shim = TRY(sys::spawn(request));
    started.control = std::move(mine);
    return started;
}

Error hint_at_kernel(Error error) {
    if (!sys::is_unknown_call(error.error_number()) || !error.hint().empty()) return error;
    return std::move(error).with_hint(
        "this kernel, or a filter around crank, lacks a system call that it needs (Linux 5.12 has "
        "all of them): crank doctor");
}

namespace {

Error of_step(int error_number, const std::string& step) {
    return hint_at_kernel(Error::from_errno(error_number, step));
}

// `number`: how the command ended, or an error's.
std::optional<Error> explain_other(const std::string& program, std::uint64_t step, int number) {
    auto is = [&](shim::OwnStep own) { return step == shim::own_step(own); };
    std::string ended = number > 128 ? "ended by signal " + std::to_string(number - 128)
                                     : "ended with " + std::to_string(number);
    if (is(shim::OwnStep::other_create))
        return Error(Code::step_failed, program + " create " + ended);
    if (is(shim::OwnStep::other_start))
        return Error(Code::step_failed, program + " start " + ended);
    if (is(shim::OwnStep::other_process))
        return Error(Code::step_failed,
                     program + " create succeeded, and named no process that lives");
    if (is(shim::OwnStep::other_terminal))
        return Error(Code::step_failed, program + " create sent no terminal");
    return std::nullopt;
}

}  // namespace

Error explain_failure(const StepNames& steps, std::uint64_t step, int error_number) {
    if (auto error = explain_other(steps.program, step, error_number)) return std::move(*error);
    if (step >= shim::kOwnStep)
        return of_step(error_number,
                       step == shim::kOwnStep + static_cast<std::uint64_t>(shim::OwnStep::clone)
                           ? "create the container's process"
                           : "prepare the monitor");
    std::string name = step < steps.names.size() ? steps.names[step] : "start";
    const std::string& program = steps.program;
    if (name.starts_with("mount ") && sys::is_link_loop(error_number))
        return Error(Code::invalid_argument,
                     name + ": it must be mounted on ordinary directory, and a link stands there");
    if (name != "execute " + program && name != "find " + program)
        return of_step(error_number, name);
    std::string what = "exec: \"" + program + "\"";
    if (sys::is_missing(error_number))
        return Error(Code::command_not_found,
                     what + (program.find('/') == std::string::npos
                                 ? ": executable file not found in $PATH"
                                 : ": no such file, or its interpreter does not exist"));
    Error error = Error::from_errno(error_number, what);
    // dockerd looks for these words, in this case, to tell 126 from 125.
    if (error.code() == Code::permission_denied)
        return Error(Code::cannot_invoke, what + ": permission denied");
    return std::move(error).with_code(Code::cannot_invoke);
}

StepNames names_of(const Plan& plan, const std::string& program) {
    StepNames steps{program, {}};
    for (const auto& step : plan.child) steps.names.push_back(step.description);
    return steps;
}

}  // namespace crank::runtime
