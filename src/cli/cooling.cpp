#include "cli/cooling.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>

#include "cli/network.h"
#include "cli/output.h"
#include "cli/project.h"
#include "deploy/apply.h"
#include "deploy/cached.h"
#include "deploy/observe.h"
#include "deploy/records.h"
#include "deploy/warm.h"
#include "engine/page_cache.h"
#include "engine/warm.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/poll.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// The clock may be set meanwhile, and another change keeps something for less time.
constexpr milliseconds kLookAgain(1000), kSoon(100);
// The kernel forgets what nobody reads once it wants memory for something else.
constexpr std::chrono::seconds kReadAgain(5);
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
            deploy::Sight sight = TRY(deploy::observe(invocation_.paths, project_));
            const std::vector<engine::Container>& warm = sight.warm;
            bool files = keep_files(sight.containers.empty());
            if (warm.empty() && !files) return {};
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

    // True: there are some. Where nothing of the project is left nobody goes back to them.
    bool keep_files(bool gone) {
        bool due = Clock::now() >= next_read_, some = false;
        if (due) next_read_ = Clock::now() + kReadAgain;
        for (const deploy::Cached& one : deploy::list_cached(invocation_.paths, project_)) {
            if (gone || one.until_ns <= sys::wall_clock_ns()) {
                deploy::forget_cached(invocation_.paths, project_, one);
                files_.erase(one.name);
                continue;
            }
            some = true;
            auto known = files_.find(one.name);
            if (known == files_.end())
                files_.emplace(one.name, engine::cached_files(one.directories, most_of_memory()));
            else if (due && !deploy::is_memory_short())
                engine::read_again(known->second);
        }
        return some;
    }

    static std::int64_t most_of_memory() {
        constexpr std::int64_t kPart = 10;
        return sys::available_memory().value_or(0) / kPart;
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
    std::map<std::string, std::vector<engine::CachedFile>> files_;  // by their notes
    Clock::time_point next_read_;
};

}  // namespace

Result<> cool(Invocation& invocation, const std::string& project, int cancel_fd) {
    return Cooling(invocation, project, cancel_fd).run();
}

}  // namespace crank::cli
