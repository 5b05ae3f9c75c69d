#include "runtime/delegation.h"

#include "base/text.h"
#include "runtime/scope.h"
#include "sys/file.h"
#include "sys/own_user_namespace.h"
#include "sys/system.h"
#include "sys/systemd.h"

namespace crank::runtime {
namespace {

constexpr std::string_view kMount = "/sys/fs/cgroup";
constexpr std::string_view kCallers = "crank-callers", kSlice = "app.slice";

std::string above(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool may_use(const std::string& dir) {
    return sys::may_write(dir) && sys::may_write(dir + "/cgroup.procs") &&
           sys::may_write(dir + "/cgroup.subtree_control");
}

std::string own_path() {
    return v2_path_of(sys::read_file("/proc/self/cgroup", 65536).value_or(""));
}

std::string unit_below(const std::string& manager) {
    return manager + "/" + std::string(kSlice) + "/" + std::string(kContainersUnit);
}

// The highest of the groups above a process that its user may use: all of it was given to him.
std::string given_above(const std::string& mount, std::string path) {
    std::string found;
    for (; !path.empty() && may_use(mount + path); path = above(path)) found = path;
    return found;
}

// Those that there are: who misses one hears of it when a limit needs it.
void enable_controllers(const std::string& dir) {
    auto words = sys::read_file(dir + "/cgroup.controllers", 4096);
    if (!words) return;
    for (const std::string& name : split(trim(*words), ' '))
        if (!name.empty()) (void)sys::write_knob(dir + "/cgroup.subtree_control", "+" + name);
}

// A group that gives controllers on has no processes itself: those in it go into one below.
Result<> make_room(const std::string& dir) {
    std::string processes = TRY(sys::read_file(dir + "/cgroup.procs", std::size_t{1} << 20));
    if (trim(processes).empty()) return {};
    std::string callers = dir + "/" + std::string(kCallers);
    auto made = sys::make_dir(callers, 0755);
    if (!made && made.error().code() != Code::already_exists) return made;
    for (const std::string& pid : split(trim(processes), '\n'))
        (void)sys::write_knob(callers + "/cgroup.procs", pid);  // it may have ended meanwhile
    return {};
}

Result<> use_given(const std::string& root) {
    std::string dir = std::string(kMount) + root, parent = dir + "/crank";
    TRY(make_room(dir));
    enable_controllers(dir);
    auto made = sys::make_dir(parent, 0755);
    if (!made && made.error().code() != Code::already_exists) return made;
    enable_controllers(parent);
    return {};
}

// A process goes into the unit from a group below the same manager alone: what lies above belongs
// to root. systemd takes it there.
Result<> enter_scope(sys::Systemd& systemd) {
    std::string unit = "crank-command-" + std::to_string(sys::own_pid()) + ".scope";
    return systemd.start_unit(
        unit, {{"Description", std::string("A command of crank's")},
               {"Slice", std::string(kSlice)},
               {"CollectMode", std::string("inactive-or-failed")},
               {"PIDs", std::vector<std::uint32_t>{static_cast<std::uint32_t>(sys::own_pid())}}});
}

Result<> use_manager(const std::string& manager, const std::string& runtime_dir) {
    std::string dir = std::string(kMount) + unit_below(manager);
    bool below = users_manager_of(own_path()) == manager;
    if (below && may_use(dir)) return {};
    sys::Systemd systemd = TRY(sys::Systemd::connect_user(runtime_dir));
    if (!may_use(dir)) {
        auto properties = containers_unit_properties();
        properties.push_back({"Slice", std::string(kSlice)});
        auto started = systemd.start_unit(std::string(kContainersUnit), properties);
        if (!started && started.error().code() != Code::already_exists) return started;
        enable_controllers(dir);
    }
    return below ? Result<>() : enter_scope(systemd);
}

}  // namespace

std::string v2_path_of(std::string_view proc_cgroup) {
    for (const std::string& line : split(proc_cgroup, '\n'))
        if (line.starts_with("0::/")) return line == "0::/" ? "" : line.substr(3);
    return "";
}

std::optional<std::string> users_manager_of(std::string_view path) {
    constexpr std::string_view kBegin = "/user@", kEnd = ".service";
    std::size_t begin = path.find(kBegin);
    if (begin == std::string_view::npos) return std::nullopt;
    std::size_t end = std::min(path.find('/', begin + 1), path.size());
    std::string_view manager = path.substr(0, end);
    if (!manager.ends_with(kEnd)) return std::nullopt;
    return std::string(manager);
}

std::optional<Delegation> find_delegation(const std::string& mount) {
    std::string own = own_path();
    if (auto manager = users_manager_of(own)) {
        std::string unit = unit_below(*manager);
        if (!may_use(mount + unit)) return std::nullopt;
        return Delegation{unit, unit};
    }
    std::string root = given_above(mount, own);
    if (root.empty() || !may_use(mount + root + "/crank")) return std::nullopt;
    return Delegation{root, root + "/crank"};
}

Result<> take_delegation(std::uint32_t uid, const std::string& runtime_dir) {
    if (!sys::exists(std::string(kMount) + "/cgroup.controllers"))
        return {};  // no v2, or beside v1
    std::string own = own_path();
    auto manager = users_manager_of(own);
    if (!manager) {
        std::string given = given_above(std::string(kMount), own);
        if (!given.empty()) return use_given(given);
        std::string id = std::to_string(uid);
        manager = "/user.slice/user-" + id + ".slice/user@" + id + ".service";
        if (!sys::exists(std::string(kMount) + *manager)) return {};
    }
    return use_manager(*manager, runtime_dir);
}

}  // namespace crank::runtime
