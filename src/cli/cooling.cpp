#include "cli/cooling.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "cli/network.h"
#include "cli/output.h"
#include "cli/project.h"
#include "deploy/apply.h"
#include "deploy/observe.h"
#include "deploy/records.h"
#include "engine/warm.h"
#include "sys/file.h"
#include "sys/poll.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

using std::chrono::milliseconds;

// The clock may be set meanwhile, and another change keeps something for less time.
constexpr milliseconds kLookAgain(1000), kSoon(100);
// Who is about to end may not have seen what was kept just now.
constexpr int kTries = 20;

class Cooling {
public:
    Cooling(Invocation& invocation, const std::string& project, int cancel_fd)
        : invocation_(invocation), project_(project), cancel_fd_(cancel_fd) {}

    Result<> run() {
        TRY(sys::make_dirs(invocation_.paths.gateway(project_), 0700));
        for (int i = 0; i < kTries; ++i) {
            auto mine = TRY(sys::try_lock_file(invocation_.paths.gateway(project_) + "/cooling",
                                               sys::LockMode::exclusive));
            if (mine) return until_none_is_left();
            if (TRY(pause_for(kSoon))) return {};
        }
        return {};
    }

private:
    Result<> until_none_is_left() {
        while (true) {
            std::vector<engine::Container> warm =
                TRY(deploy::observe(invocation_.paths, project_)).warm;
            if (warm.empty()) return {};
            const std::int64_t now = sys::wall_clock_ns();
            std::int64_t next = INT64_MAX;
            bool some = false;
            for (const engine::Container& container : warm) {
                some |= is_over(container, now);
                next = std::min(next, engine::warm_until(container.record).value_or(0));
            }
            Result<> ended = some ? end() : Result<>();
            // Another command has its hand on the project.
            bool later = !ended && ended.error().code() == Code::in_use;
            if (!ended && !later) return ended;
            milliseconds wait = later ? kSoon : kLookAgain;
            if (!later && next > now)
                wait = std::min(wait, milliseconds((next - now) / 1'000'000 + 1));
            if ((later || !some) && TRY(pause_for(wait))) return {};
        }
    }

    // Its time, or it does not stand still: a restart policy has started it again.
    static bool is_over(const engine::Container& container, std::int64_t now) {
        return engine::warm_until(container.record).value_or(0) <= now || !container.state.paused;
    }

    Result<> end() {
        sys::UniqueFd lock = TRY(deploy::Records(invocation_.paths, project_).lock());
        const std::int64_t now = sys::wall_clock_ns();
        deploy::Plan plan;
        // Looked at again: it may have taken its place by now.
        for (const engine::Container& container :
             TRY(deploy::observe(invocation_.paths, project_)).warm)
            if (is_over(container, now))
                plan.steps.push_back({.action = deploy::Action::cool,
                                      .object = engine::shown_name(container.record),
                                      .container = container.record.id});
        engine::Config config = TRY(engine::Config::load(invocation_.paths.config));
        NetworkHome home = TRY(network_home(invocation_.paths));
        LoadedProject project;
        project.types.name = project_;
        deploy::Desired desired{.project = project_};
        deploy::World world{.paths = invocation_.paths,
                            .config = config,
                            .home = home.fd(),
                            .project = project.types,
                            .desired = desired,
                            .hooks = make_hooks(invocation_, config, project, cancel_fd_),
                            .cancel_fd = cancel_fd_};
        TRY(deploy::apply(world, plan));
        return deploy::tidy(invocation_.paths, project_);
    }

    // True: it is to end.
    Result<bool> pause_for(milliseconds time) {
        std::array entries = {sys::PollEntry{.fd = cancel_fd_, .want_read = true}};
        return TRY(sys::poll(entries, time)) && entries[0].readable;
    }

    Invocation& invocation_;
    const std::string& project_;
    int cancel_fd_;
};

}  // namespace

Result<> cool(Invocation& invocation, const std::string& project, int cancel_fd) {
    return Cooling(invocation, project, cancel_fd).run();
}

}  // namespace crank::cli
