#include "runtime/oci/hooks.h"

#include <chrono>
#include <csignal>
#include <optional>

#include "base/text.h"
#include "runtime/runtime.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/memory.h"
#include "sys/open_flags.h"
#include "sys/signals.h"
#include "sys/system.h"

namespace crank::runtime::oci_verbs {
namespace {

constexpr std::size_t kMostOutput = 4096;  // of a hook's in an error
constexpr std::chrono::milliseconds kForEver{-1};

struct Files {
    sys::UniqueFd state, output;
};

// A memory file for the state: a hook that does not read it blocks nobody.
Result<Files> make_files(const oci::ContainerState& state) {
    Files files;
    sys::UniqueFd written = TRY(sys::make_memory_file("crank-state", 0));
    TRY(sys::write_all(written.get(), oci::serialize(state, oci::Detail::specified), "the state"));
    // Opened again: from its beginning, and for reading alone.
    files.state = TRY(sys::open("/proc/self/fd/" + std::to_string(written.get()), sys::kReadOnly));
    files.output = TRY(sys::make_memory_file("crank-hook", 0));
    return files;
}

std::string output_of(const Files& files) {
    auto fd = sys::open("/proc/self/fd/" + std::to_string(files.output.get()), sys::kReadOnly);
    if (!fd) return "";
    auto text = sys::read_all(fd->get(), std::size_t{16} << 20, "output");
    return text ? std::string(trim(std::string_view(*text).substr(0, kMostOutput))) : "";
}

struct Place {
    const oci::Hook& hook;
    const char* point;
    std::size_t index;
    std::string name() const {
        return std::string(point) + " hook #" + std::to_string(index) + ": ";
    }
};

Error explain(const Place& place, const std::string& how, const Files& files) {
    std::string text = "error running " + place.name() + place.point + " hook " + how + " (" +
                       place.hook.path + ")";
    if (std::string printed = output_of(files); !printed.empty()) text += ": " + printed;
    return Error(Code::step_failed, text);
}

std::string how_ended(int code, int signal) {
    return signal != 0 ? "was ended by signal " + std::to_string(signal) + " (" +
                             sys::signal_description(signal) + ")"
                       : "failed with exit code " + std::to_string(code);
}

std::chrono::milliseconds deadline_of(const oci::Hook& hook) {
    return hook.timeout ? std::chrono::milliseconds(std::chrono::seconds(*hook.timeout)) : kForEver;
}

Error explain_timeout(const Place& place, const Files& files) {
    return explain(
        place, "was killed at its timeout of " + std::to_string(*place.hook.timeout) + " s", files);
}

Result<> run_inside(const Place& place, const InsideHook& where, const oci::ContainerState& state,
                    const HostFacts& facts) {
    Files files = TRY(make_files(state));
    sys::UniqueFd pidfd = TRY(sys::open_pidfd(state.pid));
    HookRequest request{state.pid, pidfd.get(), place.hook, where, std::move(files.state), {}};
    request.output =
        TRY(sys::open("/proc/self/fd/" + std::to_string(files.output.get()), sys::kReadWrite));
    std::string context = "error running " + place.name() + place.hook.path;
    Running running = TRY_IN(join_hook(std::move(request), facts), context);
    TRY_IN(running.wait_started(), context);
    const auto& timeout = place.hook.timeout;
    if (timeout && !TRY(sys::wait_readable(running.control_fd(), deadline_of(place.hook)))) {
        TRY(running.send_signal(SIGKILL));
        (void)running.wait_exit();
        return fail(explain_timeout(place, files));
    }
    ExitStatus exit = TRY(running.wait_exit());
    if (exit.code == 0) return {};
    return fail(explain(place, how_ended(exit.code, exit.signal), files));
}

}  // namespace

Result<> run_hook(const oci::Hook& hook, const char* point, std::size_t index,
                  const oci::ContainerState& state, const std::string& directory) {
    Place place{hook, point, index};
    Files files = TRY(make_files(state));
    sys::SpawnRequest request;
    request.path = hook.path;
    request.args = hook.args.empty() ? std::vector<std::string>{hook.path} : hook.args;
    request.env = hook.env.empty() ? sys::environment() : hook.env;
    request.working_dir = directory.empty() ? state.bundle : directory;
    request.fds = {{files.state.get(), 0}, {files.output.get(), 1}, {files.output.get(), 2}};
    sys::Child child = TRY_IN(sys::spawn(request), "error running " + place.name() + hook.path);
    auto ended = TRY(child.wait_for(deadline_of(hook)));
    if (!ended) return fail(explain_timeout(place, files));
    if (ended->code == 0 && ended->signal == 0) return {};
    return fail(explain(place, how_ended(ended->code, ended->signal), files));
}

Result<> run_hooks(const std::vector<oci::Hook>& hooks, const char* point,
                   const oci::ContainerState& state, const std::string& directory) {
    for (std::size_t i = 0; i < hooks.size(); ++i)
        TRY(run_hook(hooks[i], point, i, state, directory));
    return {};
}

Result<> run_hooks_inside(const std::vector<oci::Hook>& hooks, const char* point,
                          const InsideHook& where, const oci::ContainerState& state,
                          const HostFacts& facts) {
    for (std::size_t i = 0; i < hooks.size(); ++i)
        TRY(run_inside({hooks[i], point, i}, where, state, facts));
    return {};
}

}  // namespace crank::runtime::oci_verbs
